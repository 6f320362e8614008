// SPDX-License-Identifier: PostgreSQL
//
// The lists of an index in the order of their distance from a query, as many as are asked for: a
// scan reads some dozens to hundreds of thousands of lists, so sorting all of them would cost more
// than computing their distances. So each call picks those below a threshold that a sample of the
// distances suggests, and sorts only these.
#pragma once

#include "kernel/distance.hpp"

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
    std::uint32_t last; // the farthest that is final
};

/// Starts: nothing sorted, nothing computed.
void begin_list_order(const float *distances, std::uint32_t count, std::uint32_t *order,
                      ListOrder *out) noexcept;

/// Makes order[0 .. wanted) final (nearest first, the lower number of equals first), or all lists
/// of finite distance if there are fewer. Returns how many are final: >= min(wanted, finite). A
/// call passes over all distances once per some hundred lists it adds.
std::uint32_t more_lists(ListOrder *order, std::uint32_t wanted) noexcept;

/// distances has `count` numbers now, more than before. Of the lists added those that come before
/// the last final one are final too now, behind it, nearest first; `order` has room for all.
/// Returns how many lists are final.
std::uint32_t add_lists(ListOrder *order, std::uint32_t count) noexcept;

/// All of them at once: a radix sort, whose time does not grow faster than their number. Nearest
/// first, the lower number of equals first, infinite ones last. scratch: 2 * count.
void sort_lists(const float *distances, std::uint32_t count, std::uint64_t *scratch,
                std::uint32_t *order) noexcept;

/// more_lists() on a particular instruction set; nullptr where the processor lacks it. For tests.
using MoreLists = decltype(&more_lists);
MoreLists more_lists_for(Isa isa) noexcept;

} // namespace vx::kernel
