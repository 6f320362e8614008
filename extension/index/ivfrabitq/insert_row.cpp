// SPDX-License-Identifier: PostgreSQL
//
// The nearest list that takes rows. A list that is being split takes none: the row goes to the next
// nearest, since waiting would cost more than the slightly longer residual does.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/insert_row.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/lmgr.h"
}

#include "index/common/aligned.hpp"
#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/lists.hpp"
#include "index/ivfrabitq/split.hpp"
#include "wal_hooks/fault.hpp"

#include <limits>

namespace vx::ivfrabitq
{

constexpr float kFar = std::numeric_limits<float>::infinity();
constexpr uint32 kNone = 0xffffffff;

/// The centre of a list, from the index's pages.
static void
read_centre(const void *argument, int32 list, int8 *codes, float *scale)
{
    const auto *inserter = static_cast<const RowInserter *>(argument);
    read_centroid(inserter->index, inserter->meta, static_cast<uint32>(list), codes, scale);
}

void
make_row_inserter(Relation index, RowInserter *out)
{
    out->index = index;
    out->meta = read_meta(index);
    const uint32 padded = out->meta.page.padded;
    const Size places = TYPEALIGN(kernel::kBlockCentroids, out->meta.page.list_capacity);

    auto *mean = index::aligned_array<float>(CurrentMemoryContext, padded);
    memcpy(mean, get_mean(index, out->meta), padded * sizeof(float));
    make_encoder(&out->meta, mean, &out->encoder);
    out->row = index::aligned_array<float>(CurrentMemoryContext, padded);
    out->high = index::aligned_array<int8>(CurrentMemoryContext, padded);
    out->low = index::aligned_array<int8>(CurrentMemoryContext, padded);
    out->centre = index::aligned_array<int8>(CurrentMemoryContext, padded);
    out->distances = index::aligned_array<float>(CurrentMemoryContext, places);
    out->squared = out->meta.code_metric() == kernel::CodeMetric::inner_product
                       ? index::aligned_array<float>(CurrentMemoryContext, places)
                       : out->distances;
    out->code = reinterpret_cast<RowCode *>(
        index::aligned_array<char>(CurrentMemoryContext, row_code_bytes(out->meta)));
    memset(out->code, 0, row_code_bytes(out->meta));
    if (out->meta.page.spill_ratio > 0)
        make_spill_chooser(padded, read_centre, out, &out->chooser);
}

/// |row - c|^2 of every list, or of those near the row, into inserter->squared.
static void
measure_lists(RowInserter *inserter, bool all)
{
    // the nearest list, and where rows are kept in two, those that the second is chosen from
    constexpr uint32 kNear = 16;
    kernel::PlaneQuery query;
    kernel::make_plane_query(inserter->row, inserter->meta.page.padded, inserter->high,
                             inserter->low, &query);
    float *squared = inserter->squared != inserter->distances ? inserter->squared : nullptr;
    const uint32 blocks = list_blocks(inserter->meta);
    inserter->measured_all = all || beam(inserter->meta, kNear) == blocks;
    if (inserter->measured_all)
        list_distances(inserter->index, inserter->meta, query, nullptr, blocks, inserter->distances,
                       squared);
    else
        near_distances(inserter->index, inserter->meta, query, kNear, inserter->distances, squared);
}

/// The place of the smallest distance; kNone if all are infinite. Lanes, so that the compiler can
/// take many at once.
static uint32
nearest_list(const float *squared, uint32 lists)
{
    constexpr uint32 kLanes = 64;
    float least[kLanes];
    for (float &lane : least)
        lane = kFar;
    for (uint32 i = 0; i < lists; i += kLanes) // the array is as long as whole blocks
        for (uint32 lane = 0; lane < kLanes; lane++)
            least[lane] = squared[i + lane] < least[lane] ? squared[i + lane] : least[lane];
    float distance = kFar;
    for (const float lane : least)
        distance = lane < distance ? lane : distance;
    if (distance == kFar)
        return kNone;
    uint32 list = 0;
    while (squared[list] != distance)
        list++;
    return list;
}

/// A list was split since the distances were computed.
static bool
structure_changed(RowInserter *inserter)
{
    const uint32 known = inserter->meta.page.structure_version;
    inserter->meta = read_meta(inserter->index);
    return inserter->meta.page.structure_version != known;
}

/// Stores the row in the nearest list that takes it, and makes that list's distance infinite.
static uint32
place_nearest(RowInserter *inserter)
{
    bool measured = true; // and no list was tried since
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        const uint32 list = nearest_list(inserter->squared, inserter->meta.page.lists);
        if (list == kNone && !inserter->measured_all) {
            measure_lists(inserter, true);
            continue;
        }
        if (list == kNone) {
            if (measured)
                report_corrupted(inserter->index, inserter->meta.page.first_centroids,
                                 "no list has a distance to the row");
            wait_for_split(inserter->index, inserter->meta);
            structure_changed(inserter);
            measure_lists(inserter, false);
            measured = true;
            continue;
        }
        measured = false;
        float scale;
        read_centroid(inserter->index, inserter->meta, list, inserter->centre, &scale);
        encode_row(&inserter->encoder, inserter->row, inserter->centre, scale, inserter->code);
        const bool placed = place_row(inserter->index, inserter->meta, list, inserter->code);
        inserter->squared[list] = kFar;
        if (placed)
            return list;
        if (structure_changed(inserter))
            measure_lists(inserter, false);
    }
}

/// Where rows are kept in two lists: puts the row into its second one, if it has one. `first` has
/// been taken out of the distances.
static void
place_second(RowInserter *inserter, uint32 first)
{
    int32 lists[kSpillCandidates];
    lists[0] = static_cast<int32>(first);
    for (uint32 i = 1; i < kSpillCandidates; i++) {
        const uint32 list = nearest_list(inserter->squared, inserter->meta.page.lists);
        lists[i] = list == kNone ? -1 : static_cast<int32>(list);
        if (list != kNone)
            inserter->squared[list] = kFar;
    }
    const SpillChoice second = choose_second(&inserter->chooser, inserter->row, lists);
    if (second.list < 0 || !(second.ratio < inserter->meta.page.spill_ratio))
        return;
    float scale;
    const auto list = static_cast<uint32>(second.list);
    read_centroid(inserter->index, inserter->meta, list, inserter->centre, &scale);
    encode_row(&inserter->encoder, inserter->row, inserter->centre, scale, inserter->code);
    place_row(inserter->index, inserter->meta, list, inserter->code); // being split: one is enough
}

void
insert_row(RowInserter *inserter, const Datum *values, const bool *isnull,
           const ItemPointerData *tid)
{
    if (!prepare_row(&inserter->encoder, values[0], inserter->row))
        return;
    inserter->meta = read_meta(inserter->index);
    inserter->code->tid = *tid;
    store_filter_values(inserter->index, inserter->meta, values, isnull, inserter->code);
    measure_lists(inserter, false);
    const uint32 first = place_nearest(inserter);
    if (inserter->meta.page.spill_ratio > 0) {
        VX_FAULT(ivfrabitq_first_stored);
        place_second(inserter, first);
    }
}

} // namespace vx::ivfrabitq
