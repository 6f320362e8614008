// SPDX-License-Identifier: PostgreSQL
//
// keep_nearest() of centroid_tables.hpp, written once over a type V that each instruction set
// defines. Included only by the files assign_*.cpp, each of which gets a copy of its own (README,
// rule 1).
//
// A group of rows x a strip of centroids stays in registers over all coordinates; the scores are
// compared as they leave them, so no matrix of distances is ever written.
//
// V has: kLanes, kRows (rows in a group), kVectors (of centroids in a strip); the registers Int and
// Float; Row (four coordinates of a row for every lane) and Codes (four of each of kLanes
// centroids) with row(p), codes(p), dot(sums, codes, row); set(i); load(p), broadcast(x);
// score(sums, scale, norm, factor) = fma(factor, float(sums) * scale, norm);
// keep_less(score, list, best, best_list); less(a, b): a bit per lane; store(p, x); lanes(): 0, 1,
// ...
#pragma once

#include "kernel/centroid_tables.hpp"

namespace vx::kernel
{

namespace
{

template <class V> struct AssignLoop {
    using Int = typename V::Int;
    using Float = typename V::Float;

    static constexpr int kRows = V::kRows;
    static constexpr int kVectors = V::kVectors;
    static constexpr std::size_t kStrip = std::size_t(V::kLanes * V::kVectors);
    static constexpr std::size_t kTile = 256;  // kTileBytes: no function of a shared header is
    static constexpr std::size_t kPlaces = 64; // called here, and no constant read by address

    /// Rows that are multiplied at a time.
    struct Group {
        const std::int8_t *codes[kRows];
        std::int32_t start[kRows]; // of the sums: takes the + 128 of the codes back
        float factor[kRows];
        BestSlots *best[kRows];
    };

    /// Not inlined: else g++ 12 sees that the sums are used after the loop as well, gives them
    /// memory there, and copies all of them to it in every round.
    __attribute__((noinline)) static void sums_of_strip(const Group &group, std::size_t padded,
                                                        const std::uint8_t *tiles,
                                                        Int (&out)[kRows][kVectors]) noexcept
    {
        Int sums[kRows][kVectors];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++)
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; v++)
                sums[r][v] = V::set(group.start[r]);
        const std::int8_t *rows[kRows];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++)
            rows[r] = group.codes[r];
        for (std::size_t t = 0; t < padded; t += 4) {
            typename V::Codes codes[kVectors];
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; v++)
                codes[v] = V::codes(tiles + t * (kTile / 4) + std::size_t(v * V::kLanes) * 4);
#pragma GCC unroll 16
            for (int r = 0; r < kRows; r++) {
                const typename V::Row row = V::row(rows[r] + t);
#pragma GCC unroll 16
                for (int v = 0; v < kVectors; v++)
                    sums[r][v] = V::dot(sums[r][v], codes[v], row);
            }
        }
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++)
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; v++)
                out[r][v] = sums[r][v];
    }

    /// One centroid per lane: the least of each lane.
    static inline void keep_one(const Group &group, const Int (&sums)[kRows][kVectors],
                                const float *scales, const float *norms,
                                std::int32_t first_list) noexcept
    {
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++) {
            Float best = V::load(group.best[r]->score);
            Int list = V::load(group.best[r]->list);
            const Float factor = V::broadcast(group.factor[r]);
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; v++) {
                const Float score = V::score(sums[r][v], V::load(scales + v * V::kLanes),
                                             V::load(norms + v * V::kLanes), factor);
                V::keep_less(score, V::add(V::lanes(), V::set(first_list + v * V::kLanes)), best,
                             list);
            }
            V::store(group.best[r]->score, best);
            V::store(group.best[r]->list, list);
        }
    }

    /// As in assign_scalar.cpp.
    static inline void insert(BestSlots &best, std::size_t nearest, float score,
                              std::int32_t list) noexcept
    {
        std::size_t slot = nearest - 1;
        for (; slot > 0 && score < best.score[slot - 1]; slot--) {
            best.score[slot] = best.score[slot - 1];
            best.list[slot] = best.list[slot - 1];
        }
        best.score[slot] = score;
        best.list[slot] = list;
    }

    /// Several: all that are less than the worst that is kept, which soon are few.
    static inline void keep_several(const Group &group, const Int (&sums)[kRows][kVectors],
                                    const float *scales, const float *norms,
                                    std::int32_t first_list, std::size_t nearest) noexcept
    {
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++) {
            BestSlots &best = *group.best[r];
            const Float factor = V::broadcast(group.factor[r]);
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; v++) {
                const Float score = V::score(sums[r][v], V::load(scales + v * V::kLanes),
                                             V::load(norms + v * V::kLanes), factor);
                unsigned less = V::less(score, V::broadcast(best.score[nearest - 1]));
                if (less == 0)
                    continue;
                float scores[V::kLanes];
                V::store(scores, score);
                for (; less != 0; less &= less - 1) {
                    const int lane = __builtin_ctz(less);
                    if (scores[lane] < best.score[nearest - 1])
                        insert(best, nearest, scores[lane], first_list + v * V::kLanes + lane);
                }
            }
        }
    }

    static inline void one_group(const Group &group, const AssignChunk &chunk,
                                 const std::uint8_t *block, std::int32_t first_list) noexcept
    {
        const auto *scales = reinterpret_cast<const float *>(block);
        const auto *norms = reinterpret_cast<const float *>(block + kTile);
        const std::uint8_t *tiles = block + 2 * kTile;
        for (std::size_t strip = 0; strip < kPlaces; strip += kStrip) {
            Int sums[kRows][kVectors];
            sums_of_strip(group, chunk.padded, tiles + strip * 4, sums);
            const std::int32_t first = first_list + std::int32_t(strip);
            if (chunk.nearest == 1)
                keep_one(group, sums, scales + strip, norms + strip, first);
            else
                keep_several(group, sums, scales + strip, norms + strip, first, chunk.nearest);
        }
    }

    static void keep_nearest(const AssignChunk &chunk, const std::uint8_t *block,
                             std::int32_t first_list) noexcept
    {
        BestSlots nobody[kRows] =
            {}; // for the last group's missing rows, which repeat the last row
        for (std::size_t row = 0; row < chunk.rows; row += kRows) {
            Group group;
            for (std::size_t r = 0; r < std::size_t(kRows); r++) {
                const bool exists = row + r < chunk.rows;
                const std::size_t from = exists ? row + r : chunk.rows - 1;
                group.codes[r] = chunk.codes + from * chunk.padded;
                group.start[r] = -128 * chunk.factors[from].sum;
                group.factor[r] = -2.0f * chunk.factors[from].scale;
                group.best[r] = exists ? &chunk.best[row + r] : &nobody[r];
            }
            one_group(group, chunk, block, first_list);
        }
    }
};

} // namespace

} // namespace vx::kernel
