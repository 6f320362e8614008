// SPDX-License-Identifier: PostgreSQL
//
// Fine codes for WAL. A coordinate of a fine code is a level of 16, counted from the sign that the
// scan code has of it: x = 16 b + nibble - 15.5 (kernel/rabitq.hpp), so that |x| - 0.5 is the
// nibble where b is set and 15 - nibble where it is not. The rotation makes residuals normal, so
// small magnitudes are far more frequent than great ones: 3.44 bits of entropy where a nibble
// has 4. They are written with a prefix code (Huffman, "A method for the construction of
// minimum-redundancy codes", Proc. IRE 40(9), 1952) that is the same for all rows, of 3.47 bits on
// average:
//
//     magnitude  0 - 5   6, 7   8, 9   10 - 12   13   14, 15
//     bits         3       4      5       6       7      8
//
// Bits fill bytes from the lowest; coordinate 0 comes first; the last byte is filled up with zeros.
//
// Pure C++, tested without a server. Nothing here trusts a byte that comes from WAL.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vx::wal
{

/// The longest of a magnitude's codes.
constexpr std::size_t kMaxMagnitudeBits = 8;

/// Packs a fine code: byte i has coordinate i in its low and i + coordinates / 2 in its high half,
/// bit i % 8 of byte i / 8 of `signs` is coordinate i's b. Returns how many bytes of `out` it took;
/// 0 if that would be more than `most`. REQUIRES: an even number of coordinates.
std::size_t pack_magnitudes(const std::uint8_t *fine, const std::uint8_t *signs,
                            std::size_t coordinates, std::uint8_t *out, std::size_t most) noexcept;

/// Unpacks exactly `length` bytes into coordinates / 2. False: they are no such fine code.
bool unpack_magnitudes(const std::uint8_t *packed, std::size_t length, const std::uint8_t *signs,
                       std::size_t coordinates, std::uint8_t *fine) noexcept;

} // namespace vx::wal
