// SPDX-License-Identifier: PostgreSQL
//
// Rerank: exact distances from the table, under the scan's snapshot, of as few rows as possible: in
// the order of their lower bounds, until the next bound is above the k-th exact distance.
//
// A row that the snapshot does not see is dropped here. Distances are the operator's own, so the
// order is the one that a sort by the operator would make.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/search.hpp"

extern "C" {
#include "miscadmin.h"
}

#include "index/common/same_tid.hpp"
#include "types/vector.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vx::ivfrabitq
{

constexpr uint32 kInterruptEvery = 64; // rows

static bool
operator<(const Found &a, const Found &b) noexcept
{
    if (a.distance != b.distance)
        return a.distance < b.distance;
    return ItemPointerCompare(const_cast<ItemPointerData *>(&a.tid),
                              const_cast<ItemPointerData *>(&b.tid)) < 0;
}

static bool
is_lower(const Estimate &a, const Estimate &b) noexcept
{
    return a.lower > b.lower; // heaps of the standard library have the largest in front
}

/// The distance to the query on the scale of the estimates; NaN if the operator gives that.
static double
exact_distance(const Search *search, const Vector *row)
{
    const kernel::DistanceKernels &kernels = kernel::distance_kernels();
    const auto n = static_cast<Size>(search->meta.page.dimensions);
    const double scale = search->meta.page.scale;
    switch (search->meta.metric()) {
    case index::Metric::l2:
        return kernels.l2_squared(row->x, search->x, n) * scale * scale;
    case index::Metric::inner_product:
        return -static_cast<double>(kernels.inner_product(row->x, search->x, n)) * scale * scale;
    case index::Metric::cosine:
        return 2 * (1 - cosine(row->x, search->x, n)) * scale * scale;
    }
    return 0;
}

/// Reads the row. False: the snapshot does not see it.
static bool
measure_row(Search *search, const Estimate &estimate, double *distance)
{
    MemoryContext previous = MemoryContextSwitchTo(search->scratch);
    Datum value;
    const bool exists = fetch_value(search, estimate.tid, &value);
    *distance = 0;
    if (exists && search->has_query) {
        const Vector *row = vector_from_datum<float>(value);
        if (static_cast<uint32>(row->dim) != search->meta.page.dimensions)
            check_same_dimensions(ElementTraits<float>::type_name,
                                  static_cast<int>(search->meta.page.dimensions), row->dim);
        *distance = exact_distance(search, row);
        if (std::isnan(*distance)) // sorting needs an order
            *distance = std::numeric_limits<double>::infinity();
    }
    MemoryContextSwitchTo(previous);
    MemoryContextReset(search->scratch);
    search->counts.reranked++;
    return exists;
}

// ---- the k nearest

static void
make_room(Search *search, uint32 k)
{
    if (search->found_capacity >= k)
        return;
    if (search->found != nullptr)
        pfree(search->found);
    search->found_capacity = k;
    search->found = static_cast<Found *>(
        palloc_extended(static_cast<Size>(k) * sizeof(Found), MCXT_ALLOC_HUGE));
}

static void
keep_nearest(Search *search, const Found &found, uint32 k)
{
    Found *all = search->found;
    if (search->found_count < k) {
        all[search->found_count++] = found;
        if (search->found_count == k)
            std::make_heap(all, all + k);
    } else if (found < all[0]) {
        std::pop_heap(all, all + k);
        all[k - 1] = found;
        std::push_heap(all, all + k);
    }
}

static bool
is_same_row(const Found &a, const Found &b) noexcept
{
    return index::is_same_tid(a.tid, b.tid);
}

/// A crash in the middle of a list's split can leave rows in two lists.
static void
drop_doubles(Search *search)
{
    Found *end = search->found + search->found_count;
    search->found_count =
        static_cast<uint32>(std::unique(search->found, end, is_same_row) - search->found);
}

/// Where rows were dropped, later rounds will fill their places, with rows beyond the threshold.
/// What lies beyond it too waits for those, so that all come in order. It does even if places were
/// filled by chance, by rows that passed although they lie beyond it, when nothing may be missed.
static void
leave_far_rows(Search *search, uint32 k)
{
    const auto threshold = static_cast<double>(search->threshold.value());
    const bool complete = search->found_count >= k && !(search->exact && search->unseen > 0);
    if (!search->keeps_order || complete)
        return;
    while (search->found_count > 0 && search->found[search->found_count - 1].distance > threshold)
        search->found_count--;
}

void
rerank_estimates(Search *search, uint32 wanted)
{
    Estimates &estimates = search->estimates;
    estimates.drop_above(search->threshold.value());
    search->unseen = 0;
    if (estimates.count == 0)
        return;
    open_table(search);
    const uint32 k = Min(wanted, estimates.count);
    make_room(search, k);

    Estimate *rows = estimates.rows;
    std::make_heap(rows, rows + estimates.count, is_lower);
    expect_rows(search, rows, Min(estimates.count, k + k / 2)); // about those that come first
    for (uint32 left = estimates.count; left > 0; left--) {
        if (search->has_query && search->found_count == k &&
            rows[0].lower > search->found[0].distance)
            break;
        std::pop_heap(rows, rows + left, is_lower);
        Found found;
        found.tid = rows[left - 1].tid;
        if (measure_row(search, rows[left - 1], &found.distance))
            keep_nearest(search, found, k);
        else
            search->unseen++;
        if (left % kInterruptEvery == 0)
            CHECK_FOR_INTERRUPTS();
    }
    release_rows(search);
    std::sort(search->found, search->found + search->found_count);
    drop_doubles(search);
    leave_far_rows(search, wanted);
}

} // namespace vx::ivfrabitq
