// SPDX-License-Identifier: PostgreSQL
//
// The loops of sums.hpp, which compilers turn into vectors by themselves. Included only by the
// files sums_*.cpp, in whose unnamed namespace they stay (README, rule 1).
#pragma once

#include "kernel/sums.hpp"

namespace vx::kernel
{

namespace
{

void
add_codes(float *__restrict sums, const std::int8_t *__restrict codes, float scale,
          std::size_t n) noexcept
{
    for (std::size_t i = 0; i < n; i++)
        sums[i] += scale * static_cast<float>(codes[i]);
}

/// The bits of a float without its sign rise with its magnitude.
inline std::uint32_t
magnitude_bits(float x) noexcept
{
    std::uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof(bits));
    return bits & 0x7fffffff;
}

float
add_row(double *__restrict sums, const float *__restrict row, std::size_t n, float largest) noexcept
{
    std::uint32_t most = magnitude_bits(largest);
    for (std::size_t i = 0; i < n; i++) {
        const std::uint32_t bits = magnitude_bits(row[i]);
        most = bits > most ? bits : most;
    }
    for (std::size_t i = 0; i < n; i++)
        sums[i] += static_cast<double>(row[i]);
    __builtin_memcpy(&largest, &most, sizeof(largest));
    return largest;
}

} // namespace

} // namespace vx::kernel
