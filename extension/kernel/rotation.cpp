// SPDX-License-Identifier: PostgreSQL
#include "kernel/rotation.hpp"

#include "kernel/coding.hpp"

namespace vx::kernel
{

namespace
{

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):
/// any seed gives good words, the first one too.
std::uint64_t
next_word(std::uint64_t *state) noexcept
{
    std::uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

} // namespace

void
make_rotation(std::uint64_t seed, std::size_t padded, std::uint64_t *signs) noexcept
{
    for (std::size_t i = 0; i < rotation_words(padded); i++)
        signs[i] = next_word(&seed);
}

void
rotate(const float *in, std::size_t dimensions, const std::uint64_t *signs, std::size_t padded,
       float scale, float *out) noexcept
{
    coding_kernels().rotate(in, dimensions, signs, padded, scale, out);
}

} // namespace vx::kernel
