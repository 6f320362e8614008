// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/search.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

#include "index/common/aligned.hpp"
#include "index/ivfrabitq/lists.hpp"
#include "types/vector.hpp"
#include "wal_hooks/fault.hpp"

#include <cmath>

namespace vx::ivfrabitq
{

using index::aligned_array;

constexpr uint32 kFirstEstimates = 1024;
constexpr uint32 kFirstThreshold = 64;

static Size
list_places(const Meta &meta)
{
    return TYPEALIGN(kernel::kBlockCentroids, meta.page.list_capacity);
}

/// What choosing among many lists takes.
static void
allocate_blocks(Search *search, Size lists)
{
    const Size blocks = lists / kernel::kBlockCentroids;
    const Size places = TYPEALIGN(kernel::kBlockCentroids, blocks);
    search->blocks = aligned_array<uint32>(search->context, blocks);
    search->block_g = aligned_array<float>(search->context, places);
    search->block_squared = aligned_array<float>(search->context, places);
    search->block_order.order = aligned_array<uint32>(search->context, places);
}

/// What does not depend on the query.
static void
allocate(Search *search)
{
    const Meta &meta = search->meta;
    MemoryContext context = search->context;
    const Size lists = list_places(meta);

    search->x =
        static_cast<float *>(MemoryContextAlloc(context, meta.page.dimensions * sizeof(float)));
    search->prepared = aligned_array<float>(context, meta.page.padded);
    search->scan.lut =
        aligned_array<uint8>(context, 4 * static_cast<Size>(meta.page.scan_dimensions));
    search->fine.q8 = aligned_array<int8>(context, meta.page.padded);
    search->plane.high = aligned_array<int8>(context, meta.page.padded);
    search->plane.low = aligned_array<int8>(context, meta.page.padded);
    search->g = aligned_array<float>(context, lists);
    search->squared = meta.code_metric() == kernel::CodeMetric::inner_product
                          ? aligned_array<float>(context, lists)
                          : search->g;
    search->order.order = aligned_array<uint32>(context, lists);
    if (meta.page.block_centre_pages > 0)
        allocate_blocks(search, lists);

    search->survivors = aligned_array<kernel::Survivor>(context, meta.rows_per_page());
    search->masks = aligned_array<uint32>(context, meta.page.groups_per_page);
    search->threshold.capacity = kFirstThreshold;
    search->threshold.heap =
        static_cast<float *>(MemoryContextAlloc(context, kFirstThreshold * sizeof(float)));
    search->estimates.capacity = kFirstEstimates;
    search->estimates.rows =
        static_cast<Estimate *>(MemoryContextAlloc(context, kFirstEstimates * sizeof(Estimate)));
    search->met.initialise(context);
    search->returned.initialise(context);
}

Search *
make_search(Relation index, Relation heap, Snapshot snapshot, MemoryContext context)
{
    auto *search = static_cast<Search *>(MemoryContextAllocZero(context, sizeof(Search)));
    search->index = index;
    search->heap = heap;
    search->snapshot = snapshot;
    search->context = context;
    search->meta = get_meta(index);
    allocate(search);
    return search;
}

// ---- prepare

/// Rotates the value into search->prepared. False: it has no direction, or cannot be compared.
static bool
prepare_value(Search *search, Datum value)
{
    // A copy: detoasting can process invalidations, which free the cached one.
    const Vector *vector = vector_from_datum<float>(value);
    const Size bytes = search->meta.page.padded * sizeof(float);
    auto *mean = static_cast<float *>(palloc(bytes));
    memcpy(mean, get_mean(search->index, search->meta), bytes);
    Encoder encoder;
    make_encoder(&search->meta, mean, &encoder);
    const bool usable = prepare_row(&encoder, PointerGetDatum(vector), search->prepared);
    memcpy(search->x, vector->x, search->meta.page.dimensions * sizeof(float));
    return usable;
}

/// A query so far from all rows that float32 cannot tell their distances apart.
static bool
is_comparable(const Search *search)
{
    constexpr float kMostNorm2 = 1e30f; // residuals are about 8 long
    if (search->meta.code_metric() == kernel::CodeMetric::inner_product)
        return true;
    const float *x = search->prepared;
    return kernel::distance_kernels().inner_product(x, x, search->meta.page.padded) < kMostNorm2;
}

/// Of <x, q> = weight * <b - 1/2, q> + <nibble - 7.5, q>: the first part has the look-up table's
/// error, the second that of int8, uniform within half a step; nibbles are spread evenly.
static float
fine_rounding(const Search *search)
{
    constexpr float kNibble = 4.6f;     // root mean square of 0 .. 15 less 7.5
    constexpr float kUniform = 0.2887f; // standard deviation of a rounding error, in steps
    const float nibbles = kNibble * std::sqrt(static_cast<float>(search->fine.padded));
    return std::hypot(search->fine.scan_weight * search->scan_rounding,
                      nibbles * kUniform * search->fine.scale);
}

void
set_query(Search *search, Datum value, bool is_null)
{
    MemoryContext previous = MemoryContextSwitchTo(search->context);
    search->returned.clear();
    search->has_query = !is_null;
    if (is_null || !prepare_value(search, value) || !is_comparable(search))
        memset(search->prepared, 0, search->meta.page.padded * sizeof(float));
    const kernel::CodeShape shape = search->meta.shape();
    kernel::make_scan_query(shape, search->prepared, const_cast<uint8 *>(search->scan.lut),
                            &search->scan);
    kernel::make_fine_query(shape, search->prepared, const_cast<int8 *>(search->fine.q8),
                            &search->fine);
    kernel::make_plane_query(search->prepared, search->meta.page.padded,
                             const_cast<int8 *>(search->plane.high),
                             const_cast<int8 *>(search->plane.low), &search->plane);
    search->scan_rounding = kernel::scan_rounding(search->scan);
    search->fine_rounding = fine_rounding(search);
    search->query_length = std::sqrt(search->plane.norm2);
    MemoryContextSwitchTo(previous);
}

// ---- rank

/// How many lists to put in order at once.
static uint32
first_lists(const Reach &reach)
{
    constexpr uint32 kFirstIfAdaptive = 48;
    if (reach.stop.rule == page::StopRule::adaptive)
        return kFirstIfAdaptive;
    return Min(static_cast<uint32>(reach.stop.probes) + 1, reach.max_lists);
}

/// Stages 2 to 4.
static uint32
estimate_rows(Search *search, const Reach &reach)
{
    read_structure(search); // lists may have been split since the last round
    search->threshold.restart(reach.k);
    search->estimates.count = 0;
    search->pending_count = 0;
    search->met.clear();
    search->found_count = 0;
    rank_lists(search, first_lists(reach));
    const uint32 lists = walk_lists(search, reach);
    VX_FAULT(ivfrabitq_round_walked);
    return lists;
}

uint32
run_round(Search *search, const Reach &reach)
{
    constexpr int kMostAttempts = 10; // each failed because a list was split long before, and freed
    MemoryContext previous = MemoryContextSwitchTo(search->context);
    uint32 lists = estimate_rows(search, reach);
    for (int attempt = 1; is_outdated(search); attempt++) {
        if (attempt == kMostAttempts)
            report_outdated(search);
        ereport(DEBUG1, (errmsg_internal("ivfrabitq: lists were given up; searching again")));
        lists = estimate_rows(search, reach);
    }
    rerank_estimates(search, reach.k);
    MemoryContextSwitchTo(previous);
    return lists;
}

void
end_search(Search *search)
{
    close_table(search);
}

} // namespace vx::ivfrabitq
