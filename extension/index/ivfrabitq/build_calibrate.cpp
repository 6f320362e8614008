// SPDX-License-Identifier: PostgreSQL
//
// Calibration during a build: which queries, and what follows from their nearest rows.
#include "pg/postgres.hpp"

#include "index/common/sample.hpp"
#include "index/ivfrabitq/build_state.hpp"
#include "index/ivfrabitq/calibration_queries.hpp"
#include "index/ivfrabitq/options.hpp"

namespace vx::ivfrabitq
{

/// Of the sample no more than an eighth is kept from training, and of memory no more than an eighth
/// is for calibration.
constexpr int64 kShare = 8;

/// Fewer queries than that tell nothing.
constexpr int64 kLeastQueries = 16;

static int64
affordable_queries(const BuildState *build)
{
    auto queries = static_cast<int64>(calibration_queries(build->padded()));
    const Size most = index::build_memory() / kShare;
    while (queries >= kLeastQueries &&
           static_cast<Size>(build->threads) *
                   truth_bytes(build->padded(), static_cast<uint32>(queries), kTruthNeighbours) >
               most)
        queries -= queries / 8 + 1;
    return queries >= kLeastQueries ? queries : 0;
}

static void
swap_rows(BuildState *build, int64 a, int64 b)
{
    const Size n = build->padded();
    float *first = build->samples + static_cast<Size>(a) * n;
    float *second = build->samples + static_cast<Size>(b) * n;
    for (Size i = 0; i < n; i++) {
        const float value = first[i];
        first[i] = second[i];
        second[i] = value;
    }
    const ItemPointerData tid = build->sample_tids[a];
    build->sample_tids[a] = build->sample_tids[b];
    build->sample_tids[b] = tid;
}

void
hold_out_rows(BuildState *build)
{
    const int64 held = Min(affordable_queries(build), build->sample_count / kShare);
    if (held < kLeastQueries || get_queries(build->index) != nullptr)
        return;
    // evenly over the sample, which is in the order of the table as long as it is small
    const int64 kept = build->sample_count - held;
    const int64 step = kept / held;
    for (int64 i = 0; i < held; i++)
        swap_rows(build, i * step, kept + i);
    build->held_count = held;
    build->sample_count = kept;
}

/// The queries that the user named.
static void
read_queries(BuildState *build)
{
    const auto most = static_cast<uint32>(Min(affordable_queries(build), int64{kMostNamedQueries}));
    if (build->heap == nullptr || most == 0)
        return;
    Encoder encoder;
    make_encoder(&build->meta, build->mean, &encoder);
    build->queries = static_cast<float *>(
        palloc_extended(Size{most} * build->padded() * sizeof(float), MCXT_ALLOC_HUGE));
    build->query_count =
        read_calibration_queries(build->index, build->meta, &encoder, build->queries, most);
}

void
choose_queries(BuildState *build)
{
    if (get_queries(build->index) != nullptr)
        read_queries(build);
    if (build->held_count == 0)
        return;
    const auto count = static_cast<Size>(build->held_count);
    const auto first = static_cast<Size>(build->sample_count);
    const Size bytes = build->padded() * sizeof(float);
    build->query_count = static_cast<uint32>(count);
    build->queries = static_cast<float *>(palloc_extended(count * bytes, MCXT_ALLOC_HUGE));
    build->query_tids = static_cast<ItemPointerData *>(palloc(count * sizeof(ItemPointerData)));
    memcpy(build->queries, build->samples + first * build->padded(), count * bytes);
    memcpy(build->query_tids, build->sample_tids + first, count * sizeof(ItemPointerData));
}

Size
build_truth_bytes(const BuildState *build)
{
    return truth_bytes(build->padded(), build->query_count, kTruthNeighbours);
}

void
begin_build_truth(const BuildState *build, Truth *truth)
{
    begin_truth(truth, build->meta.code_metric(), build->padded(), build->queries,
                build->query_count, kTruthNeighbours);
    for (uint32 i = 0; i < build->query_count && build->query_tids != nullptr; i++)
        set_query_tid(truth, i, &build->query_tids[i]);
}

void
calibrate_build(BuildState *build)
{
    if (build->truth == nullptr || build->meta.page.built_rows == 0)
        return;
    page::Calibration calibration =
        calibrate(build->truth, {build->centres.blocks, build->block_centres, build->lists()},
                  build->list_rows);
    calibration.from_table = build->query_tids == nullptr;
    build->meta.page.calibration = calibration;
}

} // namespace vx::ivfrabitq
