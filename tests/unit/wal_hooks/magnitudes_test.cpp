// SPDX-License-Identifier: PostgreSQL
//
// Packed fine codes and numbers: what is written is read back, what is not written so is refused,
// and nothing outside the memory given is touched (the sanitizers watch: it is of its exact size).
#include "wal_hooks/codec/magnitudes.hpp"
#include "wal_hooks/codec/number.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace vx::wal
{
namespace
{

using Bytes = std::vector<std::uint8_t>;

struct Fine {
    Bytes code;
    Bytes signs;
};

void
set_nibble(Bytes *code, std::size_t coordinate, unsigned nibble)
{
    const std::size_t half = code->size();
    std::uint8_t &byte = (*code)[coordinate % half];
    byte = static_cast<std::uint8_t>(coordinate < half ? (byte & 0xf0U) | nibble
                                                       : (byte & 0x0fU) | nibble << 4);
}

/// Coordinates of that spread, in levels: the sign is a bit, the nibble counts up or down from it.
Fine
random_fine(std::mt19937_64 *random, std::size_t coordinates, double spread)
{
    std::normal_distribution<double> normal(0, spread);
    Fine fine = {Bytes(coordinates / 2), Bytes((coordinates + 7) / 8)};
    for (std::size_t i = 0; i < coordinates; i++) {
        const double x = normal(*random);
        const auto magnitude = static_cast<unsigned>(std::min(std::fabs(x), 15.0));
        if (x > 0)
            fine.signs[i / 8] |= static_cast<std::uint8_t>(1U << (i % 8));
        set_nibble(&fine.code, i, x > 0 ? magnitude : 15 - magnitude);
    }
    return fine;
}

Bytes
pack(const Fine &fine)
{
    const std::size_t coordinates = 2 * fine.code.size();
    Bytes packed(coordinates * kMaxMagnitudeBits / 8);
    packed.resize(pack_magnitudes(fine.code.data(), fine.signs.data(), coordinates, packed.data(),
                                  packed.size()));
    packed.shrink_to_fit();
    return packed;
}

bool
unpack(const Bytes &packed, const Bytes &signs, Bytes *code)
{
    return unpack_magnitudes(packed.data(), packed.size(), signs.data(), 2 * code->size(),
                             code->data());
}

TEST(Magnitudes, AreReadBack)
{
    std::mt19937_64 random(1);
    for (std::size_t coordinates = 2; coordinates <= 400; coordinates += 2)
        for (const double spread : {0.1, 5.0, 1000.0}) {
            const Fine fine = random_fine(&random, coordinates, spread);
            const Bytes packed = pack(fine);
            ASSERT_GT(packed.size(), 0U);
            Bytes code(coordinates / 2, 0xff);
            ASSERT_TRUE(unpack(packed, fine.signs, &code));
            EXPECT_EQ(code, fine.code);
        }
}

TEST(Magnitudes, OfNormalRowsTakeAnEighthLess)
{
    std::mt19937_64 random(2);
    std::size_t bytes = 0;
    constexpr std::size_t kRows = 500;
    for (std::size_t row = 0; row < kRows; row++)
        bytes += pack(random_fine(&random, 384, 5.0)).size();
    EXPECT_LT(bytes, kRows * 384 / 2 * 7 / 8);
}

TEST(Magnitudes, KnowWhenThereIsNoRoom)
{
    std::mt19937_64 random(3);
    const Fine fine = random_fine(&random, 128, 5.0);
    const std::size_t needed = pack(fine).size();
    for (std::size_t most = 0; most <= needed; most++) {
        Bytes packed(most);
        EXPECT_EQ(
            pack_magnitudes(fine.code.data(), fine.signs.data(), 128, packed.data(), packed.size()),
            most < needed ? 0 : needed);
    }
}

TEST(Magnitudes, OfAnotherLengthAreRefused)
{
    std::mt19937_64 random(4);
    for (int i = 0; i < 200; i++) {
        const Fine fine = random_fine(&random, 64, 5.0);
        Bytes packed = pack(fine);
        Bytes code(32);
        for (std::size_t length = 0; length < packed.size(); length++)
            EXPECT_FALSE(
                unpack(Bytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length)),
                       fine.signs, &code));
        packed.push_back(0);
        EXPECT_FALSE(unpack(packed, fine.signs, &code));
    }
}

TEST(Magnitudes, WithBitsBehindTheLastAreRefused)
{
    // six magnitudes of 0: 18 bits, so that six of the last byte are filled up
    Fine fine = {Bytes(3), Bytes(1, 0x3f)};
    Bytes packed = pack(fine);
    ASSERT_EQ(packed.size(), 3U);
    Bytes code(3);
    EXPECT_TRUE(unpack(packed, fine.signs, &code));
    packed.back() |= 0x80;
    EXPECT_FALSE(unpack(packed, fine.signs, &code));
}

TEST(Magnitudes, OfAnyBytesAreReadOrRefused)
{
    std::mt19937_64 random(5);
    int read = 0;
    for (int i = 0; i < 20000; i++) {
        Bytes packed(random() % 20);
        Bytes signs(2);
        std::generate(packed.begin(), packed.end(), [&] { return std::uint8_t(random()); });
        std::generate(signs.begin(), signs.end(), [&] { return std::uint8_t(random()); });
        Bytes code(8);
        if (!unpack(packed, signs, &code))
            continue;
        read++;
        EXPECT_EQ(pack({code, signs}), packed); // a row has one packed form
    }
    EXPECT_GT(read, 0);
}

TEST(Number, IsReadBack)
{
    for (const std::uint32_t number :
         {0U, 1U, 127U, 128U, 16383U, 16384U, 0x1fffffU, 0xffffffffU}) {
        std::uint8_t bytes[kMaxNumberBytes];
        const std::uint8_t *end = write_number(number, bytes);
        const std::uint8_t *at = bytes;
        std::uint32_t out = 0;
        EXPECT_EQ(read_number(&at, end, kMaxNumberBytes, &out), ReadNumber::good);
        EXPECT_EQ(out, number);
        EXPECT_EQ(at, end);
        at = bytes;
        EXPECT_EQ(read_number(&at, end - 1, kMaxNumberBytes, &out), ReadNumber::cut_off);
    }
}

TEST(Number, ThatIsTooGreatIsRefused)
{
    const Bytes six = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    const Bytes beyond = {0xff, 0xff, 0xff, 0xff, 0x1f}; // 33 bits
    for (const Bytes &bytes : {six, beyond}) {
        const std::uint8_t *at = bytes.data();
        std::uint32_t out = 0;
        EXPECT_EQ(read_number(&at, bytes.data() + bytes.size(), kMaxNumberBytes, &out),
                  ReadNumber::too_long);
    }
}

} // namespace
} // namespace vx::wal
