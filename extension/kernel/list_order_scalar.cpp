// SPDX-License-Identifier: PostgreSQL
//
// more_lists() in portable C++.
#include "kernel/centroid_tables.hpp"
#include "kernel/list_keys.hpp"

namespace vx::kernel
{

namespace
{

void
minima(const float *distances, std::uint32_t begin, std::uint32_t end, std::int32_t above,
       std::int32_t *groups) noexcept
{
    for (std::uint32_t first = begin; first < end; first += kKeyGroups) {
        const std::uint32_t count = end - first < kKeyGroups ? end - first : kKeyGroups;
        for (std::uint32_t i = 0; i < count; i++) { // the compiler makes vectors of this
            const std::int32_t key = order_key(distances[first + i]);
            const std::int32_t wanted = key > above ? key : kNoKey;
            groups[i] = wanted < groups[i] ? wanted : groups[i];
        }
    }
}

std::uint32_t
count_up_to(const std::int32_t *groups, std::int32_t key) noexcept
{
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < kKeyGroups; i++)
        count += groups[i] <= key;
    return count;
}

std::uint32_t
pick(const float *distances, std::uint32_t *from, std::uint32_t end, std::int32_t above,
     std::int32_t up_to, std::uint32_t *lists, std::uint32_t room) noexcept
{
    std::uint32_t count = 0;
    std::uint32_t i = *from;
    for (; i < end && count < room; i++) {
        const std::int32_t key = order_key(distances[i]);
        lists[count] = i;
        count += key > above && key <= up_to;
    }
    *from = i;
    return count;
}

} // namespace

const ListOrderKernels kScalarListOrderKernels = {Isa::scalar, minima, count_up_to, pick};

} // namespace vx::kernel
