// SPDX-License-Identifier: PostgreSQL
//
// The true neighbours of the calibration queries, while the build reads the table.
//
// Comparing every row with every query in full would cost as much as the build's own assignment.
// But hardly any row is among the nearest of any query, and whether it is can be seen from one
// number. With T_q the distance of the farthest neighbour kept for q,
//
//     |x - q|^2 < T_q   <=>   (|q|^2 - T_q) / 2 - x.q < -|x|^2 / 2
//
// so if the q of least (|q|^2 - T_q) / 2 - x.q does not gain from x, none does. That q is what the
// nearest-centroid kernel finds, in registers. Only rows that some query gains from are compared
// with all of them.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/calibrate.hpp"
#include "kernel/nearest.hpp"

#include <algorithm>
#include <limits>

namespace vx::ivfrabitq
{

// Recall over n queries has a standard error of about .15 / sqrt(n) at .95, and .10 / sqrt(n) at
// .99 (README, "Recall").
constexpr uint32 kMostQueries = 1000;
constexpr uint32 kLeastQueries = 100;
constexpr Size kQueryMemory = 32 * 1024 * 1024;

struct Truth {
    kernel::CodeMetric metric;
    uint32 padded;
    uint32 queries;
    uint32 neighbours;
    uint32 panel_width; // of this process's kernel
    uint32 group_rows;
};

static bool
is_nearer(const TrueNeighbour &a, const TrueNeighbour &b)
{
    return a.distance < b.distance || (a.distance == b.distance && a.list < b.list);
}

/// Rows at a time: as many as the kernel takes.
constexpr uint32 kMostGroupRows = 16;
constexpr uint32 kMostRows = kernel::kNearestGroups * kMostGroupRows;

/// Room for the panels whatever the kernel's width.
constexpr uint32 kMostPanelWidth = 64;

/// Where the arrays after the Truth lie.
struct TruthParts {
    float *queries;       // queries x padded
    float *panels;        // the same, packed for the kernel
    float *bias;          // of panels: (|q|^2 - T) / 2, or -T for the inner product
    float *norms;         // |q|^2 / 2, or 0
    float *groups;        // workspace: rows, packed
    float *distances;     // workspace: of a row to all queries
    uint32 *sizes;        // of heaps
    TrueNeighbour *heaps; // queries x neighbours, farthest first
    ItemPointerData *tids;
    Size bytes;
};

static uint32
padded_queries(uint32 queries)
{
    return (queries / kMostPanelWidth + 2) * kMostPanelWidth;
}

/// Rows that are packed at a time: half of a small second-level cache, as assignment does.
static uint32
groups_at_once(uint32 padded)
{
    constexpr Size kGroupsBytes = 256 * 1024;
    const Size groups = kGroupsBytes / (padded * sizeof(float) * kMostGroupRows);
    return static_cast<uint32>(Min(Max(groups, 1), kernel::kNearestGroups));
}

static TruthParts
parts_of(const Truth *truth, uint32 padded, uint32 queries, uint32 neighbours)
{
    TruthParts parts;
    const auto base = reinterpret_cast<uintptr_t>(truth); // 0: only the size is asked for
    Size at = CACHELINEALIGN(sizeof(Truth));
    const auto take = [&](Size bytes) {
        const uintptr_t part = base + at;
        at += CACHELINEALIGN(bytes);
        return part;
    };
    const Size places = padded_queries(queries);
    const Size floats = sizeof(float);
    parts.queries = reinterpret_cast<float *>(take(floats * padded * queries));
    parts.panels = reinterpret_cast<float *>(take(floats * padded * places));
    parts.bias = reinterpret_cast<float *>(take(floats * places));
    parts.norms = reinterpret_cast<float *>(take(floats * places));
    parts.groups =
        reinterpret_cast<float *>(take(floats * padded * kMostGroupRows * groups_at_once(padded)));
    parts.distances = reinterpret_cast<float *>(take(floats * places));
    parts.sizes = reinterpret_cast<uint32 *>(take(sizeof(uint32) * queries));
    parts.heaps =
        reinterpret_cast<TrueNeighbour *>(take(sizeof(TrueNeighbour) * queries * neighbours));
    parts.tids = reinterpret_cast<ItemPointerData *>(take(sizeof(ItemPointerData) * queries));
    parts.bytes = at;
    return parts;
}

static TruthParts
parts_of(const Truth *truth)
{
    return parts_of(truth, truth->padded, truth->queries, truth->neighbours);
}

uint32
calibration_queries(uint32 padded)
{
    const Size fit = kQueryMemory / (2 * padded * sizeof(float));
    return static_cast<uint32>(Min(Max(fit, kLeastQueries), kMostQueries));
}

Size
truth_bytes(uint32 padded, uint32 queries, uint32 neighbours)
{
    return parts_of(nullptr, padded, queries, neighbours).bytes;
}

/// Tells the kernel how far the query's farthest neighbour is.
static void
set_threshold(const Truth *truth, const TruthParts &parts, uint32 query)
{
    const TrueNeighbour *heap = parts.heaps + static_cast<Size>(query) * truth->neighbours;
    if (parts.sizes[query] < truth->neighbours)
        parts.bias[query] = -std::numeric_limits<float>::infinity();
    else if (truth->metric == kernel::CodeMetric::l2)
        parts.bias[query] = parts.norms[query] - heap->distance / 2;
    else
        parts.bias[query] = -heap->distance;
}

void
begin_truth(Truth *truth, kernel::CodeMetric metric, uint32 padded, const float *queries,
            uint32 count, uint32 neighbours)
{
    const kernel::NearestKernels &kernels = kernel::nearest_kernels();
    const TruthParts parts = parts_of(truth, padded, count, neighbours);
    memset(truth, 0, parts.bytes);
    truth->metric = metric;
    truth->padded = padded;
    truth->queries = count;
    truth->neighbours = neighbours;
    truth->panel_width = static_cast<uint32>(kernels.panel_width);
    truth->group_rows = static_cast<uint32>(kernels.group_rows);

    memcpy(parts.queries, queries, sizeof(float) * padded * count);
    for (uint32 q = 0; q < padded_queries(count); q++)
        parts.bias[q] = std::numeric_limits<float>::infinity(); // no query
    for (uint32 q = 0; q < count; q++) {
        const float *query = queries + static_cast<Size>(q) * padded;
        float *panel = parts.panels +
                       static_cast<Size>(q / truth->panel_width) * truth->panel_width * padded +
                       q % truth->panel_width;
        for (uint32 i = 0; i < padded; i++)
            panel[static_cast<Size>(i) * truth->panel_width] = query[i];
        if (metric == kernel::CodeMetric::l2)
            parts.norms[q] = kernel::distance_kernels().inner_product(query, query, padded) / 2;
        ItemPointerSetInvalid(&parts.tids[q]);
        set_threshold(truth, parts, q);
    }
}

void
set_query_tid(Truth *truth, uint32 query, const ItemPointerData *tid)
{
    parts_of(truth).tids[query] = *tid;
}

static void
add_neighbour(const Truth *truth, const TruthParts &parts, uint32 query, const TrueNeighbour &found)
{
    TrueNeighbour *heap = parts.heaps + static_cast<Size>(query) * truth->neighbours;
    uint32 *size = &parts.sizes[query];
    if (*size == truth->neighbours) {
        if (!is_nearer(found, heap[0]))
            return;
        std::pop_heap(heap, heap + *size, is_nearer);
        heap[*size - 1] = found;
    } else {
        heap[(*size)++] = found;
    }
    std::push_heap(heap, heap + *size, is_nearer);
    set_threshold(truth, parts, query);
}

/// distances[q] of the row to `count` queries from `first` on.
static void
query_distances(const Truth *truth, const TruthParts &parts, const float *row, uint32 first,
                uint32 count, float *distances)
{
    const kernel::DistanceKernels &kernels = kernel::distance_kernels();
    const float *queries = parts.queries + static_cast<Size>(first) * truth->padded;
    if (truth->metric == kernel::CodeMetric::l2) {
        kernels.l2_squared_batch(row, queries, truth->padded, count, truth->padded, distances);
        return;
    }
    kernels.inner_product_batch(row, queries, truth->padded, count, truth->padded, distances);
    for (uint32 q = 0; q < count; q++)
        distances[q] = -distances[q];
}

static bool
may_gain(const Truth *truth, const TruthParts &parts, uint32 query, float distance)
{
    return parts.sizes[query] < truth->neighbours ||
           distance <= parts.heaps[static_cast<Size>(query) * truth->neighbours].distance;
}

/// Compares one row with all queries.
static void
show_row(const Truth *truth, const TruthParts &parts, const float *row, const ItemPointerData *tid,
         int32 list, int32 spill_list)
{
    query_distances(truth, parts, row, 0, truth->queries, parts.distances);
    for (uint32 q = 0; q < truth->queries; q++)
        if (may_gain(truth, parts, q, parts.distances[q]) &&
            !ItemPointerEquals(const_cast<ItemPointerData *>(tid), &parts.tids[q]))
            add_neighbour(truth, parts, q, {parts.distances[q], list, spill_list});
}

/// best[i]: the query that gains most from row i, if any does.
static void
best_queries(const Truth *truth, const TruthParts &parts, const float *rows, uint32 count,
             int32 *best)
{
    const uint32 in_group = truth->group_rows;
    const uint32 padded = truth->padded;
    const uint32 groups = (count + in_group - 1) / in_group;
    for (uint32 r = 0; r < groups * in_group; r++) {
        const float *row = rows + static_cast<Size>(Min(r, count - 1)) * padded; // padding repeats
        float *group =
            parts.groups + static_cast<Size>(r / in_group) * in_group * padded + r % in_group;
        for (uint32 i = 0; i < padded; i++)
            group[static_cast<Size>(i) * in_group] = row[i];
    }
    const uint32 panels = (truth->queries + truth->panel_width - 1) / truth->panel_width;
    kernel::nearest_kernels().nearest(parts.groups, groups, padded, parts.panels, parts.bias,
                                      panels, best);
}

void
show_rows(Truth *truth, const float *rows, const ItemPointerData *tids, const int32 *lists,
          const int32 *spill_lists, uint32 count)
{
    const TruthParts parts = parts_of(truth);
    const uint32 at_once = groups_at_once(truth->padded) * truth->group_rows;
    int32 best[kMostRows];
    if (truth->queries == 0)
        return;
    for (uint32 first = 0; first < count; first += at_once) {
        const uint32 some = Min(at_once, count - first);
        const float *block = rows + static_cast<Size>(first) * truth->padded;
        best_queries(truth, parts, block, some, best);
        for (uint32 r = 0; r < some; r++) {
            const float *row = block + static_cast<Size>(r) * truth->padded;
            float distance;
            query_distances(truth, parts, row, static_cast<uint32>(best[r]), 1, &distance);
            if (may_gain(truth, parts, static_cast<uint32>(best[r]), distance))
                show_row(truth, parts, row, &tids[first + r], lists[first + r],
                         spill_lists != nullptr ? spill_lists[first + r] : -1);
        }
    }
}

void
merge_truth(Truth *into, const Truth *from)
{
    const TruthParts parts = parts_of(into);
    const TruthParts other = parts_of(from);
    for (uint32 q = 0; q < into->queries; q++)
        for (uint32 i = 0; i < other.sizes[q]; i++)
            add_neighbour(into, parts, q, other.heaps[static_cast<Size>(q) * from->neighbours + i]);
}

uint32
truth_queries(const Truth *truth)
{
    return truth->queries;
}

void
truth_shape(const Truth *truth, kernel::CodeMetric *metric, uint32 *padded)
{
    *metric = truth->metric;
    *padded = truth->padded;
}

TruthQuery
get_truth(const Truth *truth, uint32 query, TrueNeighbour *out)
{
    const TruthParts parts = parts_of(truth);
    const uint32 count = parts.sizes[query];
    memcpy(out, parts.heaps + static_cast<Size>(query) * truth->neighbours,
           count * sizeof(TrueNeighbour));
    std::sort_heap(out, out + count, is_nearer);
    return {parts.queries + static_cast<Size>(query) * truth->padded, count};
}

} // namespace vx::ivfrabitq
