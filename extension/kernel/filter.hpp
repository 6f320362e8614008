// SPDX-License-Identifier: PostgreSQL
//
// Which of 32 values lie in a range: the filter columns of an index, kept value after value in
// groups of 32 rows beside the rows' codes.
//
// A range has both its ends, so `=`, `<`, `>=` and `BETWEEN` are the same two comparisons. All
// paths give the same bits.
#pragma once

#include "kernel/distance.hpp"

#include <cstdint>

namespace vx::kernel
{

/// Values of one column in `count` groups: the 32 of group i begin at values + i * stride (bytes)
/// and need no alignment.
struct ValueRun {
    const std::uint8_t *values;
    std::uint32_t stride;
    std::uint32_t count;
};

/// range_N, N being the bytes of a value: clears in masks[i] the bits of those values of group i
/// that are not within [low, high]; bit = row. Values of 16 bytes are compared as memcmp does.
struct FilterKernels {
    Isa isa;

    void (*range_1)(const ValueRun &run, std::int8_t low, std::int8_t high,
                    std::uint32_t *masks) noexcept;
    void (*range_2)(const ValueRun &run, std::int16_t low, std::int16_t high,
                    std::uint32_t *masks) noexcept;
    void (*range_4)(const ValueRun &run, std::int32_t low, std::int32_t high,
                    std::uint32_t *masks) noexcept;
    void (*range_8)(const ValueRun &run, std::int64_t low, std::int64_t high,
                    std::uint32_t *masks) noexcept;
    void (*range_16)(const ValueRun &run, const std::uint8_t *low, const std::uint8_t *high,
                     std::uint32_t *masks) noexcept;
};

/// As distance_kernels() and distance_kernels_for().
const FilterKernels &filter_kernels() noexcept;
const FilterKernels *filter_kernels_for(Isa isa) noexcept;

extern const FilterKernels kScalarFilterKernels;
extern const FilterKernels kAvx2FilterKernels;
extern const FilterKernels kAvx512FilterKernels;

} // namespace vx::kernel
