// SPDX-License-Identifier: PostgreSQL
//
// The loop of nearest.hpp, written once over a vector type V that each instruction set defines.
// Included only by the files nearest_*.cpp. The unnamed namespace is the point: each of them gets
// its own copy, compiled with its own flags, that no other file can be linked to (README, rule 1).
//
// V has: Float and Index (registers of kLanes values); zero(), load(p), broadcast(x),
// fmadd(a, b, c) = a * b + c, sub(a, b), indexes(i) (i in every lane),
// keep_less(score, i, best, index): in the lanes where score < best, best = score and index = i;
// store(p, ...) for both.
#pragma once

#include "kernel/nearest.hpp"

namespace vx::kernel
{

namespace
{

template <class V, int kRows, int kVectors> struct NearestLoop {
    static constexpr std::size_t kWidth = std::size_t(kVectors) * V::kLanes;

    /// The least score seen by each lane, and the vector (counted over all panels) it came from.
    struct Best {
        typename V::Float score[kRows];
        typename V::Index index[kRows];
    };

    static inline void one_panel(const float *group, std::size_t dim, const float *panel,
                                 const float *bias, int first_vector, Best &best) noexcept
    {
        typename V::Float sums[kRows][kVectors];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++)
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; v++)
                sums[r][v] = V::zero();

        for (std::size_t d = 0; d < dim; d++) {
            typename V::Float c[kVectors];
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; v++)
                c[v] = V::load(panel + d * kWidth + std::size_t(v) * V::kLanes);
#pragma GCC unroll 16
            for (int r = 0; r < kRows; r++) {
                const typename V::Float x = V::broadcast(group[d * kRows + std::size_t(r)]);
#pragma GCC unroll 16
                for (int v = 0; v < kVectors; v++)
                    sums[r][v] = V::fmadd(x, c[v], sums[r][v]);
            }
        }

#pragma GCC unroll 16
        for (int v = 0; v < kVectors; v++) {
            const typename V::Float b = V::load(bias + std::size_t(v) * V::kLanes);
            const typename V::Index index = V::indexes(first_vector + v);
#pragma GCC unroll 16
            for (int r = 0; r < kRows; r++)
                V::keep_less(V::sub(b, sums[r][v]), index, best.score[r], best.index[r]);
        }
    }

    /// The best lane of one row; among equals the lowest centroid.
    static inline std::int32_t best_lane(typename V::Float score, typename V::Index index) noexcept
    {
        float scores[V::kLanes];
        std::int32_t indexes[V::kLanes];
        V::store(scores, score);
        V::store(indexes, index);
        float least = __builtin_inff();
        std::int32_t list = 0;
        for (int lane = 0; lane < int(V::kLanes); lane++) {
            const std::int32_t candidate = indexes[lane] * int(V::kLanes) + lane;
            if (scores[lane] < least || (scores[lane] == least && candidate < list)) {
                least = scores[lane];
                list = candidate;
            }
        }
        return list;
    }

    static void nearest(const float *groups, std::size_t group_count, std::size_t dim,
                        const float *panels, const float *bias, std::size_t panel_count,
                        std::int32_t *lists) noexcept
    {
        Best best[kNearestGroups];
        for (std::size_t g = 0; g < group_count; g++)
            for (int r = 0; r < kRows; r++) {
                best[g].score[r] = V::broadcast(__builtin_inff());
                best[g].index[r] = V::indexes(0);
            }
        for (std::size_t p = 0; p < panel_count; p++)
            for (std::size_t g = 0; g < group_count; g++)
                one_panel(groups + g * kRows * dim, dim, panels + p * kWidth * dim,
                          bias + p * kWidth, int(p) * kVectors, best[g]);
        for (std::size_t g = 0; g < group_count; g++)
            for (int r = 0; r < kRows; r++)
                lists[g * kRows + std::size_t(r)] = best_lane(best[g].score[r], best[g].index[r]);
    }
};

} // namespace

} // namespace vx::kernel
