// SPDX-License-Identifier: PostgreSQL
//
// What the scan keys of one filter column allow: sorted, disjoint, closed intervals.
//
// Every comparison with a constant is an interval, IN a set of them, AND their intersection; so
// however a condition is written, the scan compares with the fewest ranges that say the same.
//
// Pure C++ over memory that the caller provides: nothing here allocates or raises.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace vx::ivfrabitq
{

/// A value of any filter kind, as a number of 128 bits in the values' order.
struct Key {
    std::uint64_t high;
    std::uint64_t low;
};

constexpr bool
operator==(const Key &a, const Key &b) noexcept
{
    return a.high == b.high && a.low == b.low;
}

constexpr bool
operator<(const Key &a, const Key &b) noexcept
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/// REQUIRES: not the last, the first key.
constexpr Key
next(Key key) noexcept
{
    return {key.high + (key.low == std::numeric_limits<std::uint64_t>::max()), key.low + 1};
}

constexpr Key
previous(Key key) noexcept
{
    return {key.high - (key.low == 0), key.low - 1};
}

constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

constexpr Key
integer_key(std::int64_t value) noexcept
{
    return {0, static_cast<std::uint64_t>(value) ^ kSignBit};
}

constexpr std::int64_t
key_integer(Key key) noexcept
{
    return static_cast<std::int64_t>(key.low ^ kSignBit);
}

/// 16 bytes in the order of memcmp.
inline Key
bytes_key(const std::uint8_t *bytes) noexcept
{
    Key key = {0, 0};
    for (int i = 0; i < 8; i++) {
        key.high = key.high << 8 | bytes[i];
        key.low = key.low << 8 | bytes[8 + i];
    }
    return key;
}

inline void
key_bytes(Key key, std::uint8_t *bytes) noexcept
{
    for (int i = 7; i >= 0; i--) {
        bytes[i] = static_cast<std::uint8_t>(key.high);
        bytes[8 + i] = static_cast<std::uint8_t>(key.low);
        key.high >>= 8;
        key.low >>= 8;
    }
}

struct Interval {
    Key low;
    Key high;
};

constexpr bool
is_empty(const Interval &interval) noexcept
{
    return interval.high < interval.low;
}

constexpr Interval kNothing = {{0, 1}, {0, 0}};

/// In place: drops the empty ones, sorts, joins what overlaps or touches. Returns how many are
/// left.
inline std::size_t
unite(Interval *intervals, std::size_t count) noexcept
{
    Interval *end = std::remove_if(intervals, intervals + count, is_empty);
    std::sort(intervals, end, [](const Interval &a, const Interval &b) { return a.low < b.low; });
    std::size_t kept = 0;
    for (Interval *interval = intervals; interval < end; interval++) {
        Interval *last = intervals + kept - 1;
        if (kept > 0 && (!(last->high < interval->low) || next(last->high) == interval->low))
            last->high = std::max(last->high, interval->high);
        else
            intervals[kept++] = *interval;
    }
    return kept;
}

/// out: room for a_count + b_count. Both are as unite() leaves them, and so is the result.
inline std::size_t
intersect(const Interval *a, std::size_t a_count, const Interval *b, std::size_t b_count,
          Interval *out) noexcept
{
    std::size_t i = 0, j = 0, count = 0;
    while (i < a_count && j < b_count) {
        const Interval common = {std::max(a[i].low, b[j].low), std::min(a[i].high, b[j].high)};
        if (!is_empty(common))
            out[count++] = common;
        if (a[i].high < b[j].high)
            i++;
        else
            j++;
    }
    return count;
}

/// Finds the interval a key would be in, among many. The span of the intervals is divided into
/// about twice as many equal parts; a part knows the intervals that end in it. For values spread
/// evenly (hashes, numbers of rows) that is one comparison; at worst it is a binary search.
struct IntervalLookup {
    const Interval *intervals;
    const std::uint32_t *first; // per part: the first interval that ends in it or later
    std::uint64_t origin;
    std::uint32_t shift;
    bool by_high; // parts are made of Key::high, else of Key::low

    /// Room that make() needs in `first`.
    static constexpr std::size_t room(std::size_t count) noexcept { return 2 * count + 1; }

    /// REQUIRES: count > 0; intervals as unite() leaves them.
    void make(const Interval *source, std::size_t count, std::uint32_t *parts) noexcept
    {
        const Interval &last = source[count - 1];
        intervals = source;
        first = parts;
        by_high = source[0].low.high != last.high.high;
        origin = 0;
        shift = 0;
        origin = offset(source[0].low);
        while (offset(last.high) >> shift >= 2 * count)
            shift++;
        std::size_t part = 0;
        for (std::size_t i = 0; i < count; i++)
            while (part <= part_of(source[i].high))
                parts[part++] = static_cast<std::uint32_t>(i);
        parts[part] = static_cast<std::uint32_t>(count - 1);
    }

    /// REQUIRES: the key is neither below all intervals nor above them.
    bool contains(Key key) const noexcept
    {
        const std::size_t part = part_of(key);
        const Interval *begin = intervals + first[part];
        const Interval *end = intervals + first[part + 1]; // it ends beyond this part
        const Interval *found = std::lower_bound(
            begin, end, key, [](const Interval &a, const Key &b) { return a.high < b; });
        return !(key < found->low);
    }

  private:
    std::uint64_t offset(Key key) const noexcept { return (by_high ? key.high : key.low) - origin; }

    std::size_t part_of(Key key) const noexcept { return offset(key) >> shift; }
};

} // namespace vx::ivfrabitq
