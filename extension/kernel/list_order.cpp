// SPDX-License-Identifier: PostgreSQL
//
// The part of more_lists() that every instruction set shares. One pass takes up to kMostWanted
// lists:
//
//   1. the least keys of 512 groups of lists; the w-th least of these 512 numbers is a threshold
//      that at least w lists keep, and not many more as long as w is well below 512
//   2. the lists up to the threshold
//   3. these in order: a counting sort into buckets of equal width, then insertion sort
//
// Distances are compared as integers (order_key), so that a total order needs no care for signs.
#include "kernel/list_order.hpp"

#include "kernel/centroid_tables.hpp"
#include "kernel/list_keys.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vx::kernel
{

namespace
{

constexpr std::uint32_t kMostWanted = 256;
constexpr std::uint32_t kRoom = 1024; // for lists that one pass picks
constexpr std::uint32_t kBuckets = 512;

/// The key, made unsigned, above the number of the list: sorted as one number.
std::uint64_t
full_key(const float *distances, std::uint32_t list) noexcept
{
    const auto key = static_cast<std::uint32_t>(order_key(distances[list])) ^ 0x80000000u;
    return std::uint64_t(key) << 32 | list;
}

std::int32_t
key_of(std::uint64_t full) noexcept
{
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(full >> 32) ^ 0x80000000u);
}

/// A part of the lists and the key that those wanted from it exceed.
struct Range {
    std::uint32_t begin;
    std::uint32_t end;
    std::int32_t above;
};

/// Lists after the last final one: up to its number those of a greater key, behind it those of an
/// equal key too.
void
ranges_of_rest(const ListOrder &order, Range *ranges) noexcept
{
    ranges[0] = {0, 0, kLowestKey};
    ranges[1] = {0, order.count, kLowestKey};
    if (order.sorted == 0)
        return;
    const std::int32_t key = order_key(order.distances[order.last]);
    ranges[0] = {0, order.last + 1, key};
    ranges[1] = {order.last + 1, order.count, key - 1};
}

/// A key that at least `wanted` of the group minima do not exceed, or the greatest finite key.
std::int32_t
threshold(const ListOrderKernels &kernels, const std::int32_t *minima,
          std::uint32_t wanted) noexcept
{
    std::int64_t low = kLowestKey; // too few are at most that
    std::int64_t high = kGreatestKey;
    if (kernels.count_up_to(minima, kGreatestKey) <= wanted)
        return kGreatestKey;
    for (std::uint32_t i = 0; i < kKeyGroups; i++) // a start: the range that occurs
        low = i == 0 ? minima[0] : std::min<std::int64_t>(low, minima[i]);
    low--;
    while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        const std::uint32_t found = kernels.count_up_to(minima, std::int32_t(middle));
        if (found < wanted) {
            low = middle;
        } else {
            high = middle;
            if (found <= wanted + wanted / 8)
                break;
        }
    }
    return std::int32_t(high);
}

/// What one pass has found.
struct Picked {
    std::uint64_t keys[kRoom];
    std::uint32_t count = 0;
    bool cut = false; // the greatest were left out: only the first `wanted` are final
};

void
append(Picked &picked, const float *distances, const std::uint32_t *lists,
       std::uint32_t count) noexcept
{
    for (std::uint32_t i = 0; i < count; i++)
        picked.keys[picked.count + i] = full_key(distances, lists[i]);
    picked.count += count;
}

/// Keeps the `wanted` least and returns their greatest key.
std::int32_t
cut(Picked &picked, std::uint32_t wanted) noexcept
{
    std::nth_element(picked.keys, picked.keys + wanted - 1, picked.keys + picked.count);
    picked.count = wanted;
    picked.cut = true;
    return key_of(picked.keys[wanted - 1]);
}

void
pick(const ListOrderKernels &kernels, const float *distances, const Range *ranges,
     std::uint32_t wanted, std::int32_t up_to, Picked &picked) noexcept
{
    std::uint32_t lists[kRoom];
    for (int i = 0; i < 2; i++) {
        std::uint32_t from = ranges[i].begin;
        while (from < ranges[i].end) {
            if (picked.count > kRoom / 2)
                up_to = std::min(up_to, cut(picked, wanted));
            const std::uint32_t found =
                kernels.pick(distances, &from, ranges[i].end, ranges[i].above, up_to, lists,
                             kRoom - picked.count);
            append(picked, distances, lists, found);
        }
    }
}

/// Sorts by distribution where keys are spread, and never takes long.
void
sort(std::uint64_t *keys, std::uint32_t count) noexcept
{
    if (count > kBuckets || count < 16) {
        std::sort(keys, keys + count);
        return;
    }
    const auto [least, greatest] = std::minmax_element(keys, keys + count);
    const std::uint64_t low = *least >> 32;
    const std::uint64_t width = ((*greatest >> 32) - low) / kBuckets + 1;
    const float inverse = 1.0f / float(width);
    std::uint16_t bucket[kBuckets];
    std::uint16_t start[kBuckets + 1] = {};
    for (std::uint32_t i = 0; i < count; i++) {
        const auto b = std::uint32_t(float((keys[i] >> 32) - low) * inverse);
        bucket[i] = std::uint16_t(std::min(b, kBuckets - 1));
        start[bucket[i] + 1]++;
    }
    for (std::uint32_t b = 0; b < kBuckets; b++)
        start[b + 1] = std::uint16_t(start[b + 1] + start[b]);
    std::uint64_t sorted[kBuckets];
    for (std::uint32_t i = 0; i < count; i++)
        sorted[start[bucket[i]]++] = keys[i];
    for (std::uint32_t i = 1; i < count; i++) {
        const std::uint64_t key = sorted[i];
        std::uint32_t to = i;
        for (; to > 0 && key < sorted[to - 1]; to--)
            sorted[to] = sorted[to - 1];
        sorted[to] = key;
    }
    std::memcpy(keys, sorted, count * sizeof(*keys));
}

/// Makes up to about kMostWanted more lists final. False if none is left.
bool
pass(const ListOrderKernels &kernels, ListOrder &order, std::uint32_t wanted) noexcept
{
    Range ranges[2];
    ranges_of_rest(order, ranges);
    std::int32_t minima[kKeyGroups];
    std::fill(minima, minima + kKeyGroups, kNoKey);
    for (const Range &range : ranges)
        kernels.minima(order.distances, range.begin, range.end, range.above, minima);

    Picked picked;
    pick(kernels, order.distances, ranges, wanted, threshold(kernels, minima, wanted), picked);
    sort(picked.keys, picked.count);
    const std::uint32_t final = picked.cut ? std::min(picked.count, wanted) : picked.count;
    for (std::uint32_t i = 0; i < final; i++)
        order.order[order.sorted + i] = std::uint32_t(picked.keys[i]);
    order.sorted += final;
    if (final > 0)
        order.last = order.order[order.sorted - 1];
    return final > 0;
}

std::uint32_t
more_lists_with(const ListOrderKernels &kernels, ListOrder *order, std::uint32_t wanted) noexcept
{
    while (order->sorted < wanted && order->sorted < order->count)
        if (!pass(kernels, *order, std::min(wanted - order->sorted, kMostWanted)))
            break;
    return order->sorted;
}

template <const ListOrderKernels &kKernels>
std::uint32_t
more_lists_on(ListOrder *order, std::uint32_t wanted) noexcept
{
    return more_lists_with(kKernels, order, wanted);
}

} // namespace

void
begin_list_order(const float *distances, std::uint32_t count, std::uint32_t *order,
                 ListOrder *out) noexcept
{
    *out = {distances, order, count, 0, 0};
}

std::uint32_t
more_lists(ListOrder *order, std::uint32_t wanted) noexcept
{
    return more_lists_with(list_order_kernels(), order, wanted);
}

std::uint32_t
add_lists(ListOrder *order, std::uint32_t count) noexcept
{
    const std::uint32_t first = order->count;
    order->count = count;
    if (order->sorted == 0)
        return 0;
    const float *distances = order->distances;
    const std::int32_t key = order_key(distances[order->last]);
    std::uint32_t *late = order->order + order->sorted;
    for (std::uint32_t i = first; i < count; i++)
        if (order_key(distances[i]) < key)
            order->order[order->sorted++] = i;
    std::sort(late, order->order + order->sorted, [distances](std::uint32_t a, std::uint32_t b) {
        return full_key(distances, a) < full_key(distances, b);
    });
    return order->sorted;
}

void
sort_lists(const float *distances, std::uint32_t count, std::uint64_t *scratch,
           std::uint32_t *order) noexcept
{
    constexpr unsigned kDigitBits = 11; // three digits are a key
    constexpr std::uint32_t kDigits = 1u << kDigitBits;
    constexpr unsigned kPasses = 3;
    std::uint32_t starts[kPasses][kDigits] = {};
    std::uint64_t *from = scratch;
    std::uint64_t *to = scratch + count;
    for (std::uint32_t i = 0; i < count; i++) {
        // keys are signed
        const std::uint32_t key = static_cast<std::uint32_t>(order_key(distances[i])) ^ 0x80000000u;
        from[i] = static_cast<std::uint64_t>(key) << 32 | i;
        for (unsigned pass = 0; pass < kPasses; pass++)
            starts[pass][key >> (pass * kDigitBits) & (kDigits - 1)]++;
    }
    for (unsigned pass = 0; pass < kPasses; pass++) {
        std::uint32_t next = 0;
        for (std::uint32_t &start : starts[pass])
            next += std::exchange(start, next);
        for (std::uint32_t i = 0; i < count; i++)
            to[starts[pass][from[i] >> (32 + pass * kDigitBits) & (kDigits - 1)]++] = from[i];
        std::swap(from, to);
    }
    for (std::uint32_t i = 0; i < count; i++)
        order[i] = static_cast<std::uint32_t>(from[i]);
}

MoreLists
more_lists_for(Isa isa) noexcept
{
    if (centroid_kernels_for(isa) == nullptr)
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return more_lists_on<kScalarListOrderKernels>;
    case Isa::avx2:
        return more_lists_on<kAvx2ListOrderKernels>;
    case Isa::avx512:
        return more_lists_on<kAvx512ListOrderKernels>;
    }
    return nullptr;
}

} // namespace vx::kernel
