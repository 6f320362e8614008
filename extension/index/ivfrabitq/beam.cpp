// SPDX-License-Identifier: PostgreSQL
//
// How many blocks of lists a search compares with, where lists are many. The nearest n lists are
// found in the nearest blocks, all but a few of them; in how many, calibration has counted for some
// n (page::kBeamLists), and between these the number is read off a line over log n.
#include "pg/postgres.hpp"

#include "index/common/aligned.hpp"
#include "index/ivfrabitq/lists.hpp"
#include "kernel/list_order.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vx::ivfrabitq
{

/// Of so many blocks all are read: choosing costs more than it saves.
constexpr double kMostChosen = 0.75;

static double
interpolate(const page::Calibration &calibration, uint32 lists)
{
    if (lists <= page::kBeamLists[0])
        return calibration.beams[0];
    uint32 above = 1;
    while (above < page::kBeams && page::kBeamLists[above] < lists)
        above++;
    if (above == page::kBeams)
        return std::numeric_limits<double>::infinity();
    const double low = std::log(page::kBeamLists[above - 1]);
    const double high = std::log(page::kBeamLists[above]);
    const double part = (std::log(lists) - low) / (high - low);
    return (1 - part) * calibration.beams[above - 1] + part * calibration.beams[above];
}

uint32
beam(const Meta &meta, uint32 lists)
{
    const uint32 all = list_blocks(meta);
    if (meta.page.block_centre_pages == 0 || meta.page.calibration.beams[0] == 0)
        return all;
    const double blocks = std::ceil(interpolate(meta.page.calibration, lists));
    return blocks < kMostChosen * all ? static_cast<uint32>(blocks) : all;
}

/// Numbers of the nearest `wanted` blocks, and of those without a centre, rising. Returns how many.
static uint32
choose_blocks(Relation index, const Meta &meta, const kernel::PlaneQuery &query, uint32 wanted,
              uint32 *blocks)
{
    const uint32 all = list_blocks(meta);
    const Size places = TYPEALIGN(kernel::kBlockCentroids, all);
    auto *g = index::aligned_array<float>(CurrentMemoryContext, places);
    auto *squared = index::aligned_array<float>(CurrentMemoryContext, places);
    wanted = Min(wanted + block_distances(index, meta, query, g, squared), all);
    kernel::ListOrder order;
    kernel::begin_list_order(g, all, blocks, &order);
    kernel::more_lists(&order, wanted);
    std::sort(blocks, blocks + wanted);
    return wanted;
}

void
near_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query, uint32 lists,
               float *out, float *squared)
{
    constexpr Size kPlaces = kernel::kBlockCentroids;
    const uint32 all = list_blocks(meta);
    auto *blocks = static_cast<uint32 *>(palloc(all * sizeof(uint32)));
    const uint32 count = choose_blocks(index, meta, query, beam(meta, lists), blocks);
    // The blocks' numbers rise: none stands before its place, and the last goes there first.
    list_distances(index, meta, query, blocks, count, out, squared);
    for (float *distances : {out, squared}) {
        uint32 left = count;
        for (uint32 block = all; distances != nullptr && block-- > 0;) {
            float *to = distances + block * kPlaces;
            if (left > 0 && blocks[left - 1] == block)
                memmove(to, distances + --left * kPlaces, kPlaces * sizeof(float));
            else
                std::fill_n(to, kPlaces, std::numeric_limits<float>::infinity());
        }
    }
}

} // namespace vx::ivfrabitq
