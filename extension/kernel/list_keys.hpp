// SPDX-License-Identifier: PostgreSQL
//
// Distances as integers of the same order, for list_order.cpp and its tests.
#pragma once

#include <cstdint>
#include <cstring>

namespace vx::kernel
{

/// Rises with the distance; equal for 0 and -0.
inline std::int32_t
order_key(float distance) noexcept
{
    const float positive_zero = distance + 0.0f;
    std::int32_t bits;
    std::memcpy(&bits, &positive_zero, sizeof(bits));
    return bits ^ ((bits >> 31) & 0x7fffffff);
}

constexpr std::int32_t kLowestKey = -0x7fffffff;  // below -infinity's
constexpr std::int32_t kGreatestKey = 0x7f7fffff; // the largest finite distance's
constexpr std::int32_t kNoKey = 0x7fffffff;
constexpr std::uint32_t kKeyGroups = 512;

} // namespace vx::kernel
