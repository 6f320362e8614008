// SPDX-License-Identifier: PostgreSQL
//
// Random numbers by counter: value i of a seed, wherever and in whatever order it is asked for.
// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, doi 10.1145/2660193.2660195).
#pragma once

#include <cstddef>
#include <cstdint>

namespace vx::build
{

inline std::uint64_t
random_bits(std::uint64_t seed, std::uint64_t i) noexcept
{
    std::uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/// In [0, 1).
inline float
uniform(std::uint64_t seed, std::uint64_t i) noexcept
{
    return float(random_bits(seed, i) >> 40) * 0x1p-24f;
}

/// In [0, limit). REQUIRES: 0 < limit < 2^32.
inline std::size_t
random_below(std::uint64_t seed, std::uint64_t i, std::size_t limit) noexcept
{
    return std::size_t(((random_bits(seed, i) >> 32) * limit) >> 32);
}

} // namespace vx::build
