// SPDX-License-Identifier: PostgreSQL
//
// The portable range comparisons: the reference for the others.
#include "kernel/filter.hpp"

#include <cstring>

namespace vx::kernel
{

namespace
{

template <class T>
void
range(const ValueRun &run, T low, T high, std::uint32_t *masks) noexcept
{
    for (std::uint32_t g = 0; g < run.count; g++) {
        T values[32];
        std::memcpy(values, run.values + static_cast<std::size_t>(g) * run.stride, sizeof(values));
        std::uint32_t mask = 0;
        for (std::uint32_t i = 0; i < 32; i++)
            mask |= static_cast<std::uint32_t>((low <= values[i]) & (values[i] <= high)) << i;
        masks[g] &= mask;
    }
}

void
range_16(const ValueRun &run, const std::uint8_t *low, const std::uint8_t *high,
         std::uint32_t *masks) noexcept
{
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *value = run.values + static_cast<std::size_t>(g) * run.stride;
        std::uint32_t mask = 0;
        for (std::uint32_t i = 0; i < 32; i++, value += 16) {
            const bool in = std::memcmp(low, value, 16) <= 0 && std::memcmp(value, high, 16) <= 0;
            mask |= static_cast<std::uint32_t>(in) << i;
        }
        masks[g] &= mask;
    }
}

} // namespace

const FilterKernels kScalarFilterKernels = {
    Isa::scalar,         range<std::int8_t>,  range<std::int16_t>,
    range<std::int32_t>, range<std::int64_t>, range_16,
};

} // namespace vx::kernel
