// SPDX-License-Identifier: PostgreSQL
//
// The arithmetic of calibration: from where the neighbours of queries are to how far a scan must
// go. No PostgreSQL in it, so that unit tests can have it.
//
// What each list *needs*: for the fixed rule its place in the order of g, for the adaptive rule the
// least factor a with which a scan still reads it. That rule stops at the first list with
//
//     n^w (g_n - g_1) >= a T
//
// n being its place, T the distance of the k-th row found so far. T only falls, n and g only rise,
// so n^w (g_n - g_1) / T only rises: a list is read if its own value lies below a, and recall as a
// function of a is the distribution of that value over the neighbours, just as recall as a function
// of probes is the distribution of places.
//
// w = 0 reads whatever is not much farther than the nearest list; w without bound is the fixed
// rule. In between lies what neither has: w = 0 reads very many lists for a query that is equally
// far from all, the fixed rule reads too few for it and too many for the others.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace vx::ivfrabitq
{

/// A true neighbour of a query: its distance, and the rank of the list it is found in.
struct RankedNeighbour {
    float distance;
    std::uint32_t rank;
};

/// Larger than any sensible factor, yet times a distance it is a number.
constexpr float kReadAll = 1e30f;

/// T when the lists of rank < `rank` are read: the k-th of the neighbours found there. Where fewer
/// than k are known to be there, the distance of the last one is a lower bound.
/// neighbours: by rising distance.
inline float
threshold_at(const RankedNeighbour *neighbours, std::size_t count, std::size_t k,
             std::uint32_t rank) noexcept
{
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; i++)
        if (neighbours[i].rank < rank && ++found == k)
            return neighbours[i].distance;
    return neighbours[count - 1].distance;
}

/// n^w; w is 0, .25, .5 or 1 in practice.
inline double
place_weight(double n, double exponent) noexcept
{
    if (exponent == 0.0)
        return 1.0;
    if (exponent == 0.25)
        return std::sqrt(std::sqrt(n));
    if (exponent == 0.5)
        return std::sqrt(n);
    return std::pow(n, exponent);
}

/// The least factor with which the rule of exponent 0 reads a list that far behind the first.
inline float
adaptive_need(float gap, float scale) noexcept
{
    if (!(gap > 0.0f))
        return 0.0f;
    const float need = gap / scale;
    return scale > 0.0f && need < kReadAll ? need : kReadAll;
}

/// needs[r] for all lists and exponent 0. g: rising; neighbours: by rising distance, count > 0.
inline void
adaptive_needs(const float *g, std::uint32_t lists, const RankedNeighbour *neighbours,
               std::size_t count, std::size_t k, float *needs) noexcept
{
    std::uint32_t rank = 0;
    while (rank < lists) {
        const float threshold = threshold_at(neighbours, count, k, rank);
        // the threshold stays until a list with neighbours in it is read
        std::uint32_t last = lists - 1;
        for (std::size_t i = 0; i < count; i++)
            if (neighbours[i].rank >= rank && neighbours[i].rank < last)
                last = neighbours[i].rank;
        for (; rank <= last; rank++)
            needs[rank] = rank == 0 ? 0.0f : adaptive_need(g[rank] - g[0], threshold);
    }
}

/// The least x at which the share of needs <= x is `recall`; between two needs it is interpolated,
/// which matters where they are whole numbers. needs: rising, count > 0.
inline double
need_for_recall(const float *needs, std::size_t count, double recall) noexcept
{
    const double wanted = recall * static_cast<double>(count);
    auto last = static_cast<std::size_t>(std::ceil(wanted));
    last = std::min(std::max<std::size_t>(last, 1), count) - 1;
    const float value = needs[last];
    const float *first_equal = std::lower_bound(needs, needs + count, value);
    if (first_equal == needs)
        return static_cast<double>(value);
    const auto below = static_cast<double>(first_equal - needs);
    const auto up_to = static_cast<double>(std::upper_bound(needs, needs + count, value) - needs);
    const double previous = static_cast<double>(first_equal[-1]);
    const double part = std::min(std::max((wanted - below) / (up_to - below), 0.0), 1.0);
    return previous + part * (static_cast<double>(value) - previous);
}

/// Where between two recalls a third lies, 0 .. 1: by the logarithm of what is missed, since the
/// last neighbours are ever harder to find.
inline double
recall_position(double low, double high, double recall) noexcept
{
    if (recall <= low || high <= low)
        return 0.0;
    if (recall >= high)
        return 1.0;
    if (high >= 1.0)
        return (recall - low) / (high - low);
    return std::log((1.0 - low) / (1.0 - recall)) / std::log((1.0 - low) / (1.0 - high));
}

/// Where between two values of k a third lies; beyond the higher it goes on, below the lower it is
/// 0.
inline double
limit_position(double low, double high, double k) noexcept
{
    return k <= low ? 0.0 : std::log(k / low) / std::log(high / low);
}

} // namespace vx::ivfrabitq
