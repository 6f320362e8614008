// SPDX-License-Identifier: PostgreSQL
#include "wal_hooks/codec/magnitudes.hpp"

#include <array>
#include <cstring>

namespace vx::wal
{

constexpr std::size_t kMagnitudes = 16;
constexpr std::uint8_t kBits[kMagnitudes] = {3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 6, 7, 8, 8};
constexpr std::size_t kTableSize = 1U << kMaxMagnitudeBits;

struct Code {
    std::uint8_t bits;  // the code, its first bit lowest
    std::uint8_t count; // of bits
};

/// What eight bits, of which the first is the lowest, begin with.
struct Decoded {
    std::uint8_t magnitude;
    std::uint8_t count; // of bits
};

constexpr std::uint8_t
reversed(std::uint32_t code, std::uint32_t count)
{
    std::uint32_t out = 0;
    for (std::uint32_t i = 0; i < count; i++)
        out |= (code >> i & 1) << (count - 1 - i);
    return static_cast<std::uint8_t>(out);
}

/// The canonical code of these lengths: each code is the one before plus one.
constexpr std::array<Code, kMagnitudes>
make_codes()
{
    std::array<Code, kMagnitudes> codes = {};
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < kMagnitudes; i++) {
        codes[i] = {reversed(code, kBits[i]), kBits[i]};
        if (i + 1 < kMagnitudes)
            code = (code + 1) << (kBits[i + 1] - kBits[i]);
    }
    return codes;
}

constexpr std::array<Code, kMagnitudes> kCodes = make_codes();

/// Every eight bits begin with a code, since the lengths leave nothing over.
constexpr std::array<Decoded, kTableSize>
make_table()
{
    std::array<Decoded, kTableSize> table = {};
    for (std::size_t i = 0; i < kMagnitudes; i++)
        for (std::size_t at = kCodes[i].bits; at < kTableSize; at += std::size_t{1} << kBits[i])
            table[at] = {static_cast<std::uint8_t>(i), kBits[i]};
    return table;
}

constexpr std::array<Decoded, kTableSize> kTable = make_table();

constexpr std::size_t
codes_share()
{
    std::size_t share = 0;
    for (const std::uint8_t bits : kBits)
        share += kTableSize >> bits;
    return share;
}

static_assert(codes_share() == kTableSize, "a code that is complete");

/// 15 where the sign is clear: what turns a nibble into a magnitude and back.
static unsigned
flip(const std::uint8_t *signs, std::size_t coordinate) noexcept
{
    return (signs[coordinate / 8] >> (coordinate % 8) & 1U) != 0 ? 0U : 15U;
}

std::size_t
pack_magnitudes(const std::uint8_t *fine, const std::uint8_t *signs, std::size_t coordinates,
                std::uint8_t *out, std::size_t most) noexcept
{
    const std::size_t half = coordinates / 2;
    std::size_t written = 0;
    std::uint64_t bits = 0; // not yet written
    unsigned count = 0;
    for (std::size_t i = 0; i < coordinates; i++) {
        const unsigned nibble = i < half ? fine[i] & 15U : fine[i - half] >> 4;
        const Code code = kCodes[nibble ^ flip(signs, i)];
        bits |= std::uint64_t{code.bits} << count;
        count += code.count;
        for (; count >= 8; count -= 8, bits >>= 8) {
            if (written == most)
                return 0;
            out[written++] = static_cast<std::uint8_t>(bits);
        }
    }
    if (count > 0) {
        if (written == most)
            return 0;
        out[written++] = static_cast<std::uint8_t>(bits);
    }
    return written;
}

bool
unpack_magnitudes(const std::uint8_t *packed, std::size_t length, const std::uint8_t *signs,
                  std::size_t coordinates, std::uint8_t *fine) noexcept
{
    const std::size_t half = coordinates / 2;
    const std::uint8_t *at = packed;
    const std::uint8_t *end = packed + length;
    std::uint64_t bits = 0;
    unsigned count = 0;
    for (std::size_t i = 0; i < coordinates; i++) {
        for (; count <= 56 && at < end; count += 8)
            bits |= std::uint64_t{*at++} << count;
        const Decoded decoded = kTable[bits % kTableSize];
        if (decoded.count > count)
            return false;
        bits >>= decoded.count;
        count -= decoded.count;
        const unsigned nibble = decoded.magnitude ^ flip(signs, i);
        if (i < half)
            fine[i] = static_cast<std::uint8_t>(nibble);
        else
            fine[i - half] = static_cast<std::uint8_t>(fine[i - half] | nibble << 4);
    }
    return at == end && count < 8 && bits == 0;
}

} // namespace vx::wal
