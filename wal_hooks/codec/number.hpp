// SPDX-License-Identifier: PostgreSQL
//
// Numbers in WAL: 7 bits to a byte, low bits first, the high bit set in all bytes but the last.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vx::wal
{

constexpr std::size_t kMaxNumberBytes = 5; // of 32 bits

/// Returns the end of what it wrote, at most kMaxNumberBytes.
inline std::uint8_t *
write_number(std::uint32_t number, std::uint8_t *out) noexcept
{
    for (; number >= 0x80; number >>= 7)
        *out++ = static_cast<std::uint8_t>(number | 0x80);
    *out++ = static_cast<std::uint8_t>(number);
    return out;
}

enum class ReadNumber : std::uint8_t { good, cut_off, too_long };

/// Reads the number that [*at, end) begins with and moves *at behind it. too_long: more than `most`
/// bytes, or 32 bits.
inline ReadNumber
read_number(const std::uint8_t **at, const std::uint8_t *end, std::size_t most,
            std::uint32_t *number) noexcept
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < most; i++) {
        if (*at == end)
            return ReadNumber::cut_off;
        const std::uint8_t byte = *(*at)++;
        value |= std::uint64_t{byte & 0x7fU} << (7 * i);
        if (byte < 0x80) {
            *number = static_cast<std::uint32_t>(value);
            return value <= UINT32_MAX ? ReadNumber::good : ReadNumber::too_long;
        }
    }
    return ReadNumber::too_long;
}

} // namespace vx::wal
