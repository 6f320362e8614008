// SPDX-License-Identifier: PostgreSQL
//
// Stored rows against the table: the same floats, and in the list of the nearest centroid.
#include "pg/postgres.hpp"

#include "check/ivfflat.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

#include "index/common/rows.hpp"

#include <cmath>

namespace vx::check::flat
{

/// All centroids, if maintenance_work_mem has room for them and none is damaged.
static float *
load_centroids(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    const Size bytes = Size{meta.lists} * meta.dimensions * sizeof(float);
    if (bytes > static_cast<Size>(maintenance_work_mem) * 1024)
        return nullptr;
    auto *centroids = static_cast<float *>(palloc_extended(bytes, MCXT_ALLOC_HUGE));
    for (uint32 i = 0; i < meta.centroid_pages; i++) {
        const BlockNumber block = meta.first_centroids + i;
        if (is_damaged(walk, block) || !copy_page(walk->check, block, walk->page))
            return nullptr;
        const Size first = Size{i} * meta.centroids_per_page;
        const Size count = Min(Size{meta.centroids_per_page}, meta.lists - first);
        memcpy(centroids + first * meta.dimensions, walk->page + page::kCentroidsOffset,
               count * meta.dimensions * sizeof(float));
    }
    return centroids;
}

void
prepare_rows(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    walk->row = static_cast<float *>(palloc(meta.row_bytes));
    if (!walk->check->deep)
        return;
    walk->centroids = load_centroids(walk);
    walk->distances = static_cast<float *>(palloc(meta.lists * sizeof(float)));
}

bool
can_index(void *argument, Datum value)
{
    auto *walk = static_cast<Walk *>(argument);
    return index::make_row(value, static_cast<int32>(walk->meta.page.dimensions),
                           walk->meta.metric() == index::Metric::cosine, walk->row);
}

/// Rows scaled to length 1 may differ in the last bit: lengths are summed up differently by
/// different instruction sets.
static bool
is_same(const Walk *walk, const float *stored)
{
    constexpr float kRounding = 1e-6f;
    if (walk->meta.metric() != index::Metric::cosine)
        return memcmp(stored, walk->row, walk->meta.page.row_bytes) == 0;
    for (uint32 i = 0; i < walk->meta.page.dimensions; i++)
        if (!(std::fabs(stored[i] - walk->row[i]) <= kRounding * std::fabs(walk->row[i])))
            return false;
    return true;
}

static double
square(const float *vector, uint32 dimensions)
{
    return static_cast<double>(
        kernel::distance_kernels().inner_product(vector, vector, dimensions));
}

/// A list that is nearer, by more than what builds and inserts may compute differently: they are
/// told by rounding, of sums of about the squares of row and centroids. -1: none.
static int64
nearer_list(Walk *walk, uint32 list)
{
    constexpr double kRounding = 1e-4;
    constexpr uint32 kPiece = 1024; // lists between checks for interrupts
    const page::MetaPage &meta = walk->meta.page;
    const Size n = meta.dimensions;
    const float sign = index::is_similarity(walk->meta.metric()) ? -1.0f : 1.0f;
    for (uint32 first = 0; first < meta.lists; first += kPiece) {
        CHECK_FOR_INTERRUPTS();
        index::batch_distance(walk->meta.metric())(walk->row, walk->centroids + first * n, n,
                                                   Min(kPiece, meta.lists - first), n,
                                                   walk->distances + first);
    }
    uint32 best = list;
    for (uint32 i = 0; i < meta.lists; i++)
        if (sign * walk->distances[i] < sign * walk->distances[best])
            best = i;
    const double gap = static_cast<double>(sign * walk->distances[list]) -
                       static_cast<double>(sign * walk->distances[best]);
    const double scale = square(walk->row, meta.dimensions) +
                         square(walk->centroids + best * n, meta.dimensions) +
                         square(walk->centroids + list * n, meta.dimensions);
    return gap > kRounding * scale ? static_cast<int64>(best) : -1; // false for NaN
}

void
check_stored_row(Walk *walk, BlockNumber block, uint32 list, uint32 slot)
{
    const ItemPointerData tid = page::tids(walk->page)[slot];
    TableRow row;
    if (!fetch_row(walk->check->rows, tid, &row))
        return;
    CHECK_FOR_INTERRUPTS();
    MemoryContext previous = MemoryContextSwitchTo(row.scratch);
    const bool belongs = row.values != nullptr && !row.isnull[0] && can_index(walk, row.values[0]);
    MemoryContextSwitchTo(previous);
    const BlockNumber row_block = ItemPointerGetBlockNumberNoCheck(&tid);
    const auto *stored = reinterpret_cast<const float *>(walk->page + walk->meta.page.rows_offset +
                                                         slot * walk->meta.page.row_bytes);
    if (!belongs) {
        report(walk->check, block, list, "row",
               "row (%u,%u) in slot %u does not belong into the index", row_block, tid.ip_posid,
               slot);
        return;
    }
    if (!is_same(walk, stored))
        report(walk->check, block, list, "vector",
               "the vector in slot %u is not that of row (%u,%u)", slot, row_block, tid.ip_posid);
    const int64 nearer = walk->centroids != nullptr ? nearer_list(walk, list) : -1;
    if (nearer >= 0)
        report(walk->check, block, list, "assignment",
               "list " INT64_FORMAT " is nearer to row (%u,%u) in slot %u", nearer, row_block,
               tid.ip_posid, slot);
}

} // namespace vx::check::flat
