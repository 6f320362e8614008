// SPDX-License-Identifier: PostgreSQL
//
// The true neighbours of the calibration queries, while the build reads the table.
//
// Comparing every row with every query exactly would cost more than the rest of the build. But
// hardly any row is among the nearest of any query, and a product of int8 codes is enough to see
// that: with T_q the distance of the farthest neighbour kept for q,
//
//     |x - q|^2 < T_q   <=>   (|q|^2 - T_q) - 2 <x, q> < -|x|^2
//
// where a margin for the rounding of both sides is added to T_q. The few pairs that pass are
// compared exactly.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/calibrate.hpp"

extern "C" {
#include "port/pg_bitutils.h"
}

#include "index/common/same_tid.hpp"
#include "kernel/near_masks.hpp"

#include <algorithm>
#include <limits>

namespace vx::ivfrabitq
{

// Recall over n queries has a standard error of about .15 / sqrt(n) at .95, and .10 / sqrt(n) at
// .99 (SEARCH.md, "Recall").
constexpr uint32 kMostQueries = 1000;
constexpr uint32 kLeastQueries = 100;
constexpr Size kQueryMemory = 32 * 1024 * 1024;

struct Truth {
    kernel::CodeMetric metric;
    uint32 padded;
    uint32 queries;
    uint32 neighbours;
    float row_error;  // the codes of the rows shown last were that far from the rows
    float row_length; // and so long these were
};

static bool
is_nearer(const TrueNeighbour &a, const TrueNeighbour &b)
{
    return a.distance < b.distance || (a.distance == b.distance && a.list < b.list);
}

/// What is kept of a query beside its floats and codes.
struct QueryState {
    float length;
    float norm2; // of the codes
    float error; // the codes are that far from the query
    uint32 found;
    ItemPointerData tid;
};

/// Where the arrays after the Truth lie.
struct TruthParts {
    float *queries; // queries x padded
    QueryState *states;
    uint8 *blocks;        // the queries' codes, as those of centroids; in place of norms:
                          // |q|^2 - T, or -2 T for the inner product
    TrueNeighbour *heaps; // queries x neighbours, farthest first
    int8 *codes;          // workspace: rows
    Size bytes;
};

static Size
block_bytes(uint32 padded)
{
    return kernel::tiles_per_block(padded) * kernel::kTileBytes;
}

/// Rows that are compared at a time: their codes fill a part of a first-level cache, as those of
/// assignment do.
static uint32
rows_at_once(uint32 padded)
{
    constexpr uint32 kCodesBytes = 32 * 1024;
    return Min(Max(kCodesBytes / padded, 12), static_cast<uint32>(kernel::kNearRows));
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
    const Size all = queries;
    parts.queries = reinterpret_cast<float *>(take(sizeof(float) * padded * all));
    parts.states = reinterpret_cast<QueryState *>(take(sizeof(QueryState) * all));
    parts.blocks =
        reinterpret_cast<uint8 *>(take(kernel::centroid_blocks(queries) * block_bytes(padded)));
    parts.heaps = reinterpret_cast<TrueNeighbour *>(take(sizeof(TrueNeighbour) * all * neighbours));
    parts.codes = reinterpret_cast<int8 *>(take(static_cast<Size>(rows_at_once(padded)) * padded));
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
    const Size fit = kQueryMemory / (padded * sizeof(float));
    return static_cast<uint32>(Min(Max(fit, kLeastQueries), kMostQueries));
}

Size
truth_bytes(uint32 padded, uint32 queries, uint32 neighbours)
{
    return parts_of(nullptr, padded, queries, neighbours).bytes;
}

static float
length_of(const float *vector, uint32 padded)
{
    return std::sqrt(kernel::distance_kernels().inner_product(vector, vector, padded));
}

/// Codes are rounded: each is off by up to half a step, evenly.
static float
rounding_error(float scale, uint32 padded)
{
    return scale * std::sqrt(static_cast<float>(padded) / 12.0f);
}

static void
put_query(const Truth *truth, const TruthParts &parts, uint32 q)
{
    const uint32 padded = truth->padded;
    const float *query = parts.queries + static_cast<Size>(q) * padded;
    QueryState *state = &parts.states[q];
    float norm2;
    const float scale = kernel::quantize_centroid(query, padded, parts.codes, &norm2);
    kernel::put_centroid(q, padded, parts.codes, {scale, norm2},
                         [&](Size tile) { return parts.blocks + tile * kernel::kTileBytes; });
    state->length = length_of(query, padded);
    state->norm2 = norm2;
    state->error = rounding_error(scale, padded);
    state->found = 0;
    ItemPointerSetInvalid(&state->tid);
}

void
begin_truth(Truth *truth, kernel::CodeMetric metric, uint32 padded, const float *queries,
            uint32 count, uint32 neighbours)
{
    const TruthParts parts = parts_of(truth, padded, count, neighbours);
    memset(truth, 0, sizeof(Truth));
    truth->metric = metric;
    truth->padded = padded;
    truth->queries = count;
    truth->neighbours = neighbours;
    memcpy(parts.queries, queries, sizeof(float) * padded * static_cast<Size>(count));
    kernel::clear_centroids(parts.blocks, kernel::centroid_blocks(count), padded);
    for (uint32 q = 0; q < count; q++)
        put_query(truth, parts, q);
}

void
set_query_tid(Truth *truth, uint32 query, const ItemPointerData *tid)
{
    parts_of(truth).states[query].tid = *tid;
}

static TrueNeighbour *
heap_of(const Truth *truth, const TruthParts &parts, uint32 query)
{
    return parts.heaps + static_cast<Size>(query) * truth->neighbours;
}

static bool
is_full(const Truth *truth, const TruthParts &parts, uint32 query)
{
    return parts.states[query].found == truth->neighbours;
}

static void
add_neighbour(const Truth *truth, const TruthParts &parts, uint32 query, const TrueNeighbour &found)
{
    TrueNeighbour *heap = heap_of(truth, parts, query);
    uint32 *size = &parts.states[query].found;
    if (is_full(truth, parts, query)) {
        if (!is_nearer(found, heap[0]))
            return;
        std::pop_heap(heap, heap + *size, is_nearer);
        heap[*size - 1] = found;
    } else {
        heap[(*size)++] = found;
    }
    std::push_heap(heap, heap + *size, is_nearer);
}

/// The T that a distance from codes is compared with: the farthest neighbour's distance, and four
/// standard deviations of what rounding does to it. After the rotation rounding errors point
/// anywhere, so their product with a vector is that of the lengths over sqrt(padded).
static float
threshold(const Truth *truth, const TruthParts &parts, uint32 query)
{
    const QueryState &state = parts.states[query];
    if (!is_full(truth, parts, query))
        return std::numeric_limits<float>::infinity();
    const float farthest = heap_of(truth, parts, query)->distance;
    const float spread = 4.0f / std::sqrt(static_cast<float>(truth->padded));
    const float error = state.error + truth->row_error;
    if (truth->metric == kernel::CodeMetric::l2)
        return farthest + error * error + 2.0f * spread * error * std::sqrt(farthest);
    return farthest + state.error * truth->row_error +
           spread * (state.error * truth->row_length + truth->row_error * state.length);
}

/// Puts the queries' thresholds where the product finds them.
static void
set_thresholds(const Truth *truth, const TruthParts &parts)
{
    for (uint32 q = 0; q < truth->queries; q++) {
        const float t = threshold(truth, parts, q);
        const float norm =
            truth->metric == kernel::CodeMetric::l2 ? parts.states[q].norm2 - t : -2.0f * t;
        memcpy(parts.blocks + kernel::norm_tile(q, truth->padded) * kernel::kTileBytes +
                   kernel::place_in_tile(q),
               &norm, sizeof(norm));
    }
}

static float
exact_distance(const Truth *truth, const TruthParts &parts, const float *row, uint32 query)
{
    const kernel::DistanceKernels &kernels = kernel::distance_kernels();
    const float *q = parts.queries + static_cast<Size>(query) * truth->padded;
    return truth->metric == kernel::CodeMetric::l2 ? kernels.l2_squared(row, q, truth->padded)
                                                   : -kernels.inner_product(row, q, truth->padded);
}

/// Rows of one call of the kernel.
struct ShownRows {
    const float *rows;
    const ItemPointerData *tids;
    const int32 *lists;
    const int32 *spill_lists;
    uint32 count;
};

static void
compare(const Truth *truth, const TruthParts &parts, const ShownRows &shown, uint32 r, uint32 query)
{
    if (query >= truth->queries || index::is_same_tid(shown.tids[r], parts.states[query].tid))
        return;
    const float *row = shown.rows + static_cast<Size>(r) * truth->padded;
    add_neighbour(truth, parts, query,
                  {exact_distance(truth, parts, row, query), shown.lists[r],
                   shown.spill_lists != nullptr ? shown.spill_lists[r] : -1});
}

static void
show_some(Truth *truth, const TruthParts &parts, const ShownRows &shown)
{
    kernel::RowFactors factors[kernel::kNearRows];
    float limits[kernel::kNearRows];
    uint64 masks[kernel::kNearRows];
    kernel::quantize_rows(shown.rows, shown.count, truth->padded, parts.codes, factors);
    truth->row_error = truth->row_length = 0;
    for (uint32 r = 0; r < shown.count; r++) {
        truth->row_error = Max(truth->row_error, rounding_error(factors[r].scale, truth->padded));
        truth->row_length = Max(truth->row_length, std::sqrt(factors[r].norm2));
        limits[r] = truth->metric == kernel::CodeMetric::l2 ? -factors[r].norm2 : 0.0f;
    }
    set_thresholds(truth, parts);
    for (uint32 first = 0; first < truth->queries; first += kernel::kBlockCentroids) {
        const uint8 *block =
            parts.blocks + first / kernel::kBlockCentroids * block_bytes(truth->padded);
        kernel::near_masks(parts.codes, factors, shown.count, truth->padded, block, limits, masks);
        for (uint32 r = 0; r < shown.count; r++)
            for (uint64 left = masks[r]; left != 0; left &= left - 1)
                compare(truth, parts, shown, r, first + pg_rightmost_one_pos64(left));
    }
}

void
show_rows(Truth *truth, const float *rows, const ItemPointerData *tids, const int32 *lists,
          const int32 *spill_lists, uint32 count)
{
    const TruthParts parts = parts_of(truth);
    const uint32 at_once = rows_at_once(truth->padded);
    for (uint32 first = 0; first < count && truth->queries > 0; first += at_once)
        show_some(truth, parts,
                  {rows + static_cast<Size>(first) * truth->padded, tids + first, lists + first,
                   spill_lists != nullptr ? spill_lists + first : nullptr,
                   Min(at_once, count - first)});
}

void
merge_truth(Truth *into, const Truth *from)
{
    const TruthParts parts = parts_of(into);
    const TruthParts other = parts_of(from);
    for (uint32 q = 0; q < into->queries; q++)
        for (uint32 i = 0; i < other.states[q].found; i++)
            add_neighbour(into, parts, q, heap_of(from, other, q)[i]);
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

TrueNeighbour *
truth_neighbours(Truth *truth, uint32 query, uint32 *count)
{
    const TruthParts parts = parts_of(truth);
    *count = parts.states[query].found;
    return heap_of(truth, parts, query);
}

TruthQuery
get_truth(const Truth *truth, uint32 query, TrueNeighbour *out)
{
    const TruthParts parts = parts_of(truth);
    const uint32 count = parts.states[query].found;
    memcpy(out, heap_of(truth, parts, query), count * sizeof(TrueNeighbour));
    std::sort_heap(out, out + count, is_nearer);
    return {parts.queries + static_cast<Size>(query) * truth->padded, count};
}

} // namespace vx::ivfrabitq
