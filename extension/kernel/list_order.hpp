// SPDX-License-Identifier: PostgreSQL
//
// The lists of an index in the order of their distance from a query, as many as are asked for: a
// scan reads some dozens to hundreds of thousands of lists, so sorting all of them would cost more
// than computing their distances.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vx::kernel
{

/// Memory is the caller's: `order` has room for `count` numbers.
struct ListOrder {
    const float *distances; // may hold +infinity (never returned) but no NaN
    std::uint32_t *order;   // [0, sorted) are final
    std::uint32_t count;
    std::uint32_t sorted;
};

/// Starts: nothing sorted. `expected`: how many lists the caller thinks to take; the first call of
/// more_lists() sorts about as many.
void begin_list_order(const float *distances, std::uint32_t count, std::uint32_t *order,
                      ListOrder *out) noexcept;

/// Makes order[0 .. wanted) final (nearest first, the lower number of equals first), or all lists of
/// finite distance if there are fewer. Returns how many are final: >= min(wanted, finite).
std::uint32_t more_lists(ListOrder *order, std::uint32_t wanted) noexcept;

} // namespace vx::kernel
