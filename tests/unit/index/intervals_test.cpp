// SPDX-License-Identifier: PostgreSQL
//
// Intervals against sets of small numbers, and look-ups among many.
#include "index/ivfrabitq/intervals.hpp"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace vx::ivfrabitq
{

namespace
{

constexpr int kValues = 40;

Interval
integers(std::int64_t low, std::int64_t high)
{
    return {integer_key(low), integer_key(high)};
}

bool
holds(const std::vector<Interval> &intervals, Key key)
{
    return std::any_of(intervals.begin(), intervals.end(), [&](const Interval &interval) {
        return !(key < interval.low) && !(interval.high < key);
    });
}

std::vector<Interval>
random_intervals(std::mt19937 &random)
{
    std::vector<Interval> intervals(random() % 8);
    for (Interval &interval : intervals) // some are empty
        interval = integers(int(random() % kValues) - 20, int(random() % kValues) - 20);
    return intervals;
}

void
expect_canonical(const std::vector<Interval> &intervals)
{
    for (std::size_t i = 0; i < intervals.size(); i++) {
        EXPECT_FALSE(is_empty(intervals[i]));
        if (i > 0) {
            EXPECT_TRUE(next(intervals[i - 1].high) < intervals[i].low);
        }
    }
}

TEST(Intervals, KeysKeepTheOrderOfValues)
{
    const std::int64_t values[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
    for (std::size_t i = 0; i + 1 < std::size(values); i++)
        EXPECT_TRUE(integer_key(values[i]) < integer_key(values[i + 1]));
    for (const std::int64_t value : values)
        EXPECT_EQ(key_integer(integer_key(value)), value);

    std::mt19937 random(3);
    for (int round = 0; round < 1000; round++) {
        std::uint8_t a[16], b[16], back[16];
        for (int i = 0; i < 16; i++) {
            a[i] = static_cast<std::uint8_t>(random());
            b[i] = i < round % 17 ? a[i] : static_cast<std::uint8_t>(random());
        }
        EXPECT_EQ(bytes_key(a) < bytes_key(b), std::memcmp(a, b, 16) < 0);
        key_bytes(bytes_key(a), back);
        EXPECT_EQ(std::memcmp(a, back, 16), 0);
    }
}

TEST(Intervals, NeighboursCarry)
{
    const Key end_of_low = {4, UINT64_MAX};
    EXPECT_TRUE(next(end_of_low) == (Key{5, 0}));
    EXPECT_TRUE(previous(Key{5, 0}) == end_of_low);
}

TEST(Intervals, UniteAndIntersectAreThoseOfSets)
{
    std::mt19937 random(5);
    for (int round = 0; round < 2000; round++) {
        std::vector<Interval> a = random_intervals(random), b = random_intervals(random);
        const std::vector<Interval> a_before = a, b_before = b;
        a.resize(unite(a.data(), a.size()));
        b.resize(unite(b.data(), b.size()));
        expect_canonical(a);
        std::vector<Interval> both(a.size() + b.size());
        both.resize(intersect(a.data(), a.size(), b.data(), b.size(), both.data()));
        expect_canonical(both);
        for (int value = -25; value < 25; value++) {
            const Key key = integer_key(value);
            EXPECT_EQ(holds(a, key), holds(a_before, key));
            EXPECT_EQ(holds(both, key), holds(a_before, key) && holds(b_before, key));
        }
    }
}

TEST(Intervals, UniteTheWholeRange)
{
    std::vector<Interval> all = {integers(0, INT64_MAX), integers(INT64_MIN, -1), integers(5, 6)};
    ASSERT_EQ(unite(all.data(), all.size()), 1u);
    EXPECT_EQ(key_integer(all[0].low), INT64_MIN);
    EXPECT_EQ(key_integer(all[0].high), INT64_MAX);
}

/// Keys at and around every end of an interval, and any others between the first and the last.
void
check_lookup(std::vector<Interval> intervals, std::mt19937_64 &random)
{
    intervals.resize(unite(intervals.data(), intervals.size()));
    std::vector<std::uint32_t> parts(IntervalLookup::room(intervals.size()));
    IntervalLookup lookup;
    lookup.make(intervals.data(), intervals.size(), parts.data());
    auto check = [&](Key key) {
        if (!(key < intervals.front().low) && !(intervals.back().high < key)) {
            EXPECT_EQ(lookup.contains(key), holds(intervals, key));
        }
    };
    for (const Interval &interval : intervals) {
        for (const Key key : {interval.low, previous(interval.low), interval.high,
                              next(interval.high), Key{interval.low.high, random()}})
            check(key);
    }
}

TEST(Intervals, Lookup)
{
    std::mt19937_64 random(7);
    for (const std::size_t count : {1u, 2u, 9u, 300u}) {
        std::vector<Interval> even, skewed, wide, ranges;
        for (std::size_t i = 0; i < count; i++) {
            const auto point = static_cast<std::int64_t>(random() >> 3);
            even.push_back(integers(point, point));
            const auto near = static_cast<std::int64_t>(random() % 1000);
            skewed.push_back(integers(near, near));
            const Key key = {random(), random()};
            wide.push_back({key, key});
            ranges.push_back(integers(near * 10, near * 10 + static_cast<int>(random() % 12)));
        }
        skewed.push_back(integers(INT64_MAX - 1, INT64_MAX - 1));
        check_lookup(even, random);
        check_lookup(skewed, random);
        check_lookup(wide, random);
        check_lookup(ranges, random);
        check_lookup({integers(INT64_MIN + 1, -5), integers(5, INT64_MAX - 1)}, random);
    }
}

} // namespace

} // namespace vx::ivfrabitq
