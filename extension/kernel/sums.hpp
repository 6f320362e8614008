// SPDX-License-Identifier: PostgreSQL
//
// Sums over many rows, coordinate by coordinate: means of the rows of a list, of a sample.
//
// Each coordinate is added by itself, in the order of the rows, with nothing fused: the same bits
// on every instruction set.
#pragma once

#include "kernel/distance.hpp"

#include <cstddef>
#include <cstdint>

namespace vx::kernel
{

struct SumKernels {
    Isa isa;

    /// sums[i] += scale * codes[i].
    void (*add_codes)(float *sums, const std::int8_t *codes, float scale, std::size_t n) noexcept;

    /// sums[i] += row[i]; returns the greater of `largest` and all |row[i]| (NaN is the greatest).
    float (*add_row)(double *sums, const float *row, std::size_t n, float largest) noexcept;
};

/// As distance_kernels() and distance_kernels_for().
const SumKernels &sum_kernels() noexcept;
const SumKernels *sum_kernels_for(Isa isa) noexcept;

extern const SumKernels kScalarSumKernels;
extern const SumKernels kAvx2SumKernels;
extern const SumKernels kAvx512SumKernels;

} // namespace vx::kernel
