// SPDX-License-Identifier: PostgreSQL
//
// The random rotation that RaBitQ codes need: after it every coordinate of a vector looks alike, so
// one bit of each is worth the same (Gao, Long, "RaBitQ", SIGMOD 2024, doi 10.1145/3654970).
//
// A product of random sign changes and Walsh-Hadamard transforms in place of a dense matrix: n log
// n operations and no matrix to store (Ailon, Chazelle, "The fast Johnson-Lindenstrauss transform",
// SIAM J. Comput. 39(1), 2009). A length that is no power of two is cut into blocks that are, the
// largest at the front in even and at the back in odd rounds, and after each round coordinate i and
// i + n/2 are mixed: every coordinate is transformed in every round, and no block keeps to itself.
// Orthogonal: lengths and inner products are kept.
//
// The signs follow from a seed. Both are part of the on-disk format: never change what a seed
// means.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vx::kernel
{

/// Coordinates after rotation: a multiple of 64, at least 64. Vectors are padded with zeroes.
constexpr std::size_t
padded_dimensions(std::size_t dimensions) noexcept
{
    return dimensions == 0 ? 64 : (dimensions + 63) / 64 * 64;
}

constexpr std::size_t kRotationRounds = 4;

/// Words of 64 signs that a rotation of that many (padded) coordinates takes.
constexpr std::size_t
rotation_words(std::size_t padded) noexcept
{
    return kRotationRounds * padded / 64;
}

/// Fills signs[rotation_words(padded)] from the seed.
void make_rotation(std::uint64_t seed, std::size_t padded, std::uint64_t *signs) noexcept;

/// out[padded] = scale * R(in[dimensions], padded with zeroes). in and out must not overlap.
/// The same bits on every instruction set (no sum is reordered).
void rotate(const float *in, std::size_t dimensions, const std::uint64_t *signs, std::size_t padded,
            float scale, float *out) noexcept;

} // namespace vx::kernel
