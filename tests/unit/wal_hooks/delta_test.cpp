// SPDX-License-Identifier: PostgreSQL
//
// Deltas: what is written is read back and does to a page what it says; what is not a delta is
// refused, and nothing outside delta and page is touched (the sanitizers watch: both lie in memory
// of their exact size).
//
// VECMESH_FUZZ_RECORDS=1000000 ./run test sanitize    for a long campaign; VECMESH_SEED repeats one
#include "wal_hooks/codec/delta.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace vx::wal
{
namespace
{

constexpr PageBounds kBounds = {12, 8192, 64};

using Bytes = std::vector<std::uint8_t>;

std::uint64_t
from_environment(const char *name, std::uint64_t otherwise)
{
    const char *text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

Step
step(Operation operation, std::uint32_t count, std::uint32_t offset, std::uint32_t stride,
     const Bytes &data)
{
    return {operation, count, offset, stride, data.data()};
}

void
append(Bytes *delta, const Step &what)
{
    std::uint8_t head[kMaxHeadBytes];
    const std::size_t bytes = write_head(what, head);
    ASSERT_LE(bytes, kMaxHeadBytes);
    delta->insert(delta->end(), head, head + bytes);
    if (data_bytes(what) > 0)
        delta->insert(delta->end(), what.data, what.data + data_bytes(what));
}

/// What a step does, in the plainest words.
void
expect_applied(const Bytes &before, const Bytes &after, const Step &what)
{
    Bytes expected = before;
    for (std::uint32_t i = 0; i < what.count; i++) {
        if (what.operation == Operation::bytes) {
            expected[what.offset + i] = what.data[i];
            continue;
        }
        std::uint8_t &byte = expected[what.offset + i * what.stride];
        const int nibble = i % 2 == 0 ? what.data[i / 2] % 16 : what.data[i / 2] / 16;
        byte = static_cast<std::uint8_t>(what.operation == Operation::low_nibbles
                                             ? byte / 16 * 16 + nibble
                                             : byte % 16 + nibble * 16);
    }
    EXPECT_EQ(after, expected);
}

/// A random step within the bounds; its data lies in *data.
Step
random_step(std::mt19937_64 *random, Bytes *data)
{
    const auto below = [random](std::uint32_t n) {
        return static_cast<std::uint32_t>((*random)() % n);
    };
    Step result = {static_cast<Operation>(below(3)), 0, 0, 0, nullptr};
    result.offset = kBounds.first + below(kBounds.size - kBounds.first + 1);
    const std::uint32_t room = kBounds.size - result.offset;
    if (result.operation == Operation::bytes) {
        result.count = below(2) == 0 ? std::min(room, below(40)) : below(room + 1);
    } else {
        result.stride = 1 + below(below(2) == 0 ? 32 : 8192);
        result.count = room == 0 ? 0 : below((room - 1) / result.stride + 2);
    }
    data->resize(data_bytes(result));
    std::generate(data->begin(), data->end(),
                  [random] { return static_cast<std::uint8_t>((*random)()); });
    result.data = data->data();
    return result;
}

TEST(Delta, KnownBytes)
{
    Bytes delta;
    append(&delta, step(Operation::initialise, 16, 0, 0, {}));
    append(&delta, step(Operation::bytes, 2, 12, 0, {0x30, 0x01}));
    append(&delta, step(Operation::high_nibbles, 3, 4000, 16, {0xba, 0x0c}));
    const Bytes expected = {
        16 << 2 | 3, // initialise
        2 << 2,      12,
        0x30,        0x01, // bytes
        3 << 2 | 2,  static_cast<std::uint8_t>(4000 | 0x80),
        4000 >> 7,   16,
        0xba,        0x0c, // nibbles
    };
    EXPECT_EQ(delta, expected);
    EXPECT_EQ(delta_error(delta.data(), delta.size(), kBounds), nullptr);
    EXPECT_TRUE(starts_with_initialise(delta.data(), delta.size()));
}

TEST(Delta, OneRowOfAGroupIsSmall)
{
    Bytes delta;
    append(&delta, step(Operation::low_nibbles, 96, 3000, 16, Bytes(48)));
    EXPECT_LE(delta.size(), 48U + 5U);
}

TEST(Delta, RoundTrip)
{
    std::mt19937_64 random(from_environment("VECMESH_SEED", 1));
    for (int round = 0; round < 2000; round++) {
        std::vector<Bytes> data(1 + random() % 8);
        std::vector<Step> steps;
        Bytes delta;
        for (Bytes &bytes : data) {
            steps.push_back(random_step(&random, &bytes));
            ASSERT_TRUE(fits(steps.back(), kBounds));
            append(&delta, steps.back());
        }
        DeltaReader reader(delta.data(), delta.size(), kBounds);
        Bytes page(kBounds.size, 0x5a);
        for (const Step &expected : steps) {
            Step read;
            ASSERT_TRUE(reader.next(&read)) << reader.error();
            EXPECT_EQ(read.operation, expected.operation);
            EXPECT_EQ(read.count, expected.count);
            EXPECT_EQ(read.offset, expected.offset);
            EXPECT_EQ(read.stride, expected.stride);
            const Bytes before = page;
            apply_step(page.data(), read);
            expect_applied(before, page, expected);
        }
        Step none;
        EXPECT_FALSE(reader.next(&none));
        EXPECT_EQ(reader.error(), nullptr);
    }
}

TEST(Delta, FitsToTheLastByte)
{
    const Bytes data(8192);
    EXPECT_TRUE(fits(step(Operation::bytes, 8180, 12, 0, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::bytes, 8181, 12, 0, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::bytes, 1, 11, 0, data), kBounds));
    EXPECT_TRUE(fits(step(Operation::bytes, 0, 8192, 0, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::bytes, 0, 8193, 0, data), kBounds));
    EXPECT_TRUE(fits(step(Operation::low_nibbles, 2, 8175, 16, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::low_nibbles, 2, 8176, 16, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::low_nibbles, 2, 8000, 0, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::low_nibbles, 1, 8192, 1, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::high_nibbles, 0xffffffff, 12, 0xffffffff, data), kBounds));
    EXPECT_TRUE(fits(step(Operation::initialise, 64, 0, 0, data), kBounds));
    EXPECT_FALSE(fits(step(Operation::initialise, 65, 0, 0, data), kBounds));
}

TEST(Delta, RefusesWhatIsNone)
{
    const auto error_of = [](const Bytes &delta) {
        const char *error = delta_error(delta.data(), delta.size(), kBounds);
        return std::string(error != nullptr ? error : "");
    };
    EXPECT_EQ(error_of({}), "");
    EXPECT_EQ(error_of({0x80}), "it ends within a number");
    EXPECT_EQ(error_of({4, 0x80, 0x80}), "it ends within a number");
    EXPECT_EQ(error_of({0x80, 0x80, 0x80, 0}), "a number is too long");
    EXPECT_EQ(error_of({4, 11, 0}), "a step leaves the page");
    EXPECT_EQ(error_of({4, 0x80, 0x40, 0}), "a step leaves the page");
    EXPECT_EQ(error_of({8, 12, 0}), "it ends within a step");
    EXPECT_EQ(error_of({0x87, 0x02}), "a step leaves the page");
    EXPECT_EQ(error_of({4, 12, 0, 3}), "it initialises the page after other steps");
}

/// A delta with something wrong, or noise; in memory of exactly its size.
Bytes
fuzzed_delta(std::mt19937_64 *random)
{
    Bytes delta;
    if ((*random)() % 4 == 0) {
        delta.resize((*random)() % 64);
        std::generate(delta.begin(), delta.end(),
                      [random] { return static_cast<std::uint8_t>((*random)()); });
        return delta;
    }
    if ((*random)() % 4 == 0)
        append(&delta,
               step(Operation::initialise, static_cast<std::uint32_t>((*random)() % 80), 0, 0, {}));
    for (std::uint64_t i = (*random)() % 4; i < 4; i++) {
        Bytes data;
        append(&delta, random_step(random, &data));
    }
    for (std::uint64_t i = (*random)() % 4; i > 0 && !delta.empty(); i--)
        delta[(*random)() % delta.size()] = static_cast<std::uint8_t>((*random)());
    if ((*random)() % 3 == 0)
        delta.resize((*random)() % (delta.size() + 1));
    return delta;
}

/// Applies it as redo does; true: it was a delta.
bool
applies(const Bytes &delta, std::uint8_t *page)
{
    DeltaReader reader(delta.data(), delta.size(), kBounds);
    Step next;
    while (reader.next(&next))
        if (next.operation != Operation::initialise)
            apply_step(page, next);
    return reader.error() == nullptr;
}

TEST(Delta, Fuzz)
{
    const std::uint64_t seed = from_environment("VECMESH_SEED", 20240607);
    const std::uint64_t records = from_environment("VECMESH_FUZZ_RECORDS", 20000);
    std::mt19937_64 random(seed);
    const auto page = std::make_unique<std::uint8_t[]>(kBounds.size);
    std::fill_n(page.get(), kBounds.first, std::uint8_t{0xee});
    std::uint64_t good = 0;
    for (std::uint64_t i = 0; i < records; i++) {
        Bytes delta = fuzzed_delta(&random);
        delta.shrink_to_fit();
        const bool valid = delta_error(delta.data(), delta.size(), kBounds) == nullptr;
        ASSERT_EQ(applies(delta, page.get()), valid) << "seed " << seed << ", record " << i;
        good += valid ? 1 : 0;
    }
    EXPECT_TRUE(std::all_of(page.get(), page.get() + kBounds.first,
                            [](std::uint8_t byte) { return byte == 0xee; }));
    EXPECT_GT(good, records / 20); // both kinds were tried
    EXPECT_LT(good, records - records / 20);
    std::printf("%llu records, %llu of them valid; seed %llu\n",
                static_cast<unsigned long long>(records), static_cast<unsigned long long>(good),
                static_cast<unsigned long long>(seed));
}

} // namespace
} // namespace vx::wal
