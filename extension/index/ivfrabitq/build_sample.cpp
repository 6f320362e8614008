// SPDX-License-Identifier: PostgreSQL
//
// The sample: how many lists the table is worth, rows to train on, and from them what all rows are
// shifted and scaled by.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
}

#include "index/common/build_library.hpp"
#include "index/common/sample.hpp"
#include "index/ivfrabitq/build_shape.hpp"
#include "index/ivfrabitq/options.hpp"
#include "kernel/sums.hpp"

#include <algorithm>
#include <cmath>

namespace vx::ivfrabitq
{

constexpr int64 kRowsPerList = 64;
constexpr int64 kMinSample = 10000;
constexpr int64 kFloorRowsPerList = 10; // a sample cut for memory keeps at least this

/// Rows are sampled times this, so that no sum in the rotation of the largest vectors overflows.
constexpr float kSampleScale = 1.0f / 1024;

/// Rows so many times as long as the median are no part of mean, scale and training: one number of
/// 1e30 would take all digits from the others.
constexpr double kOutlier = 64;

// ---- how many

/// Everything that training holds at once.
static Size
training_bytes(const void *argument, int64 rows)
{
    const auto *build = static_cast<const BuildState *>(argument);
    const Size row = build->padded() * sizeof(float) + sizeof(ItemPointerData);
    const Size centroids = mul_size(build->lists(), build->padded() * sizeof(float));
    const Size training =
        build_train_memory(rows, static_cast<int32>(build->padded()),
                           static_cast<int32>(build->lists()), build->threads, true);
    return add_size(add_size(mul_size(static_cast<Size>(rows), row), centroids), training);
}

/// Lists as the user said or as the table is worth; of the latter no more than memory can train.
static void
choose_lists(BuildState *build)
{
    const auto given = static_cast<uint32>(get_lists(build->index));
    page::MetaPage &meta = build->meta.page;
    if (given > 0 || build->heap == nullptr) {
        meta.lists = Max(given, 1u);
        return;
    }
    const double rows = index::estimate_rows(build->heap, build->index, build->info);
    meta.lists = auto_lists(rows, meta.padded);
    while (meta.lists > 1 && training_bytes(build, static_cast<int64>(meta.lists) *
                                                       kFloorRowsPerList) > index::build_memory())
        meta.lists -= meta.lists / 8 + 1;
}

/// After sampling: an error if memory, not the table, made the sample too small to be sound.
static void
check_sample(const BuildState *build, int64 wanted)
{
    if (build->sample_target == wanted || build->sample_count < build->sample_target)
        return; // not cut, or all rows are in it
    const int64 floor = Min(wanted, kFloorRowsPerList * build->lists());
    if (build->lists() > 1)
        index::check_build_memory(training_bytes(build, floor));
    ereport(DEBUG1, (errmsg("training sample reduced from " INT64_FORMAT " to " INT64_FORMAT
                            " rows to fit maintenance_work_mem",
                            wanted, build->sample_count)));
}

// ---- rows

struct SampleStore {
    BuildState *build;
    Meta meta;
    Encoder encoder;
    float *row;
};

static bool
store_row(void *argument, int64 slot, ItemPointer tid, Datum value)
{
    auto *store = static_cast<SampleStore *>(argument);
    BuildState *build = store->build;
    if (!prepare_row(&store->encoder, value, store->row))
        return false;
    const Size padded = build->padded();
    memcpy(build->samples + static_cast<Size>(slot) * padded, store->row, padded * sizeof(float));
    build->sample_tids[slot] = *tid;
    return true;
}

static void
draw(BuildState *build)
{
    const Size padded = build->padded();
    SampleStore store = {};
    store.build = build;
    store.meta = build->meta;
    store.meta.page.scale = kSampleScale;
    store.row = static_cast<float *>(palloc(padded * sizeof(float)));
    auto *zero = static_cast<float *>(palloc0(padded * sizeof(float)));
    make_encoder(&store.meta, zero, &store.encoder);

    index::Sample sample = {};
    sample.heap = build->heap;
    sample.index = build->index;
    sample.info = build->info;
    sample.scratch = build->scratch;
    sample.row_bytes = build->meta.page.dimensions * sizeof(float);
    sample.target = build->sample_target;
    sample.store = store_row;
    sample.argument = &store;
    index::draw_sample(&sample);
    build->sample_count = sample.count;
}

// ---- mean and scale

static double
squared_length(const float *row, uint32 n)
{
    const double length = kernel::distance_kernels().l2_norm(row, n);
    return length * length;
}

/// Takes rows that are far longer than the median out of the sample.
static void
drop_outliers(BuildState *build)
{
    const Size n = build->padded();
    const auto count = static_cast<Size>(build->sample_count);
    auto *lengths = static_cast<double *>(
        palloc_extended(Max(count, Size{1}) * sizeof(double), MCXT_ALLOC_HUGE));
    for (Size i = 0; i < count; i++)
        lengths[i] = squared_length(build->samples + i * n, build->padded());
    std::nth_element(lengths, lengths + count / 2, lengths + count);
    const double limit = lengths[count / 2] * kOutlier * kOutlier;
    const bool any = std::any_of(lengths, lengths + count, [&](double l) { return l > limit; });
    pfree(lengths);
    if (!any || !(limit > 0))
        return;

    Size kept = 0;
    for (Size i = 0; i < count; i++) {
        const float *row = build->samples + i * n;
        if (squared_length(row, build->padded()) > limit)
            continue;
        memmove(build->samples + kept * n, row, n * sizeof(float));
        build->sample_tids[kept++] = build->sample_tids[i];
    }
    build->sample_count = static_cast<int64>(kept);
}

/// Returns the sum of the squared lengths that are left.
static double
subtract_mean(BuildState *build)
{
    const Size n = build->padded();
    auto *sums = static_cast<double *>(palloc0(n * sizeof(double)));
    for (int64 i = 0; i < build->sample_count; i++) {
        CHECK_FOR_INTERRUPTS();
        kernel::sum_kernels().add_row(sums, build->samples + static_cast<Size>(i) * n, n, 0);
    }
    for (Size j = 0; j < n; j++)
        build->mean[j] = static_cast<float>(sums[j] / static_cast<double>(build->sample_count));
    pfree(sums);
    double squares = 0;
    for (int64 i = 0; i < build->sample_count; i++) {
        CHECK_FOR_INTERRUPTS();
        float *row = build->samples + static_cast<Size>(i) * n;
        for (Size j = 0; j < n; j++)
            row[j] -= build->mean[j];
        squares += squared_length(row, build->padded()); // while it is in the cache
    }
    return squares;
}

static void
scale_rows(float *rows, int64 count, Size n, float factor)
{
    for (int64 i = 0; i < count; i++) {
        CHECK_FOR_INTERRUPTS();
        float *row = rows + static_cast<Size>(i) * n;
        for (Size j = 0; j < n; j++)
            row[j] *= factor;
    }
}

void
scale_by(BuildState *build, float factor)
{
    const Size n = build->padded();
    build->meta.page.scale *= factor;
    for (Size j = 0; j < n; j++)
        build->mean[j] *= factor;
    scale_rows(build->samples, build->sample_count + build->held_count, n, factor);
    if (build->centroids != nullptr)
        scale_rows(build->centroids, build->lists(), n, factor);
}

float
scale_for(double mean_square)
{
    if (!(mean_square > 0))
        return 1.0f;
    const double exponent = std::round(std::log2(kResidualLength / std::sqrt(mean_square)));
    return static_cast<float>(std::exp2(std::min(std::max(exponent, -90.0), 90.0)));
}

static void
normalise_sample(BuildState *build)
{
    build->meta.page.scale = kSampleScale;
    drop_outliers(build);
    double sum = 0;
    if (build->meta.metric() != index::Metric::inner_product)
        sum = subtract_mean(build);
    else
        for (int64 i = 0; i < build->sample_count; i++)
            sum += squared_length(build->samples + static_cast<Size>(i) * build->padded(),
                                  build->padded());
    // equal rows tell no scale
    scale_by(build, sum > 0 ? scale_for(sum / static_cast<double>(build->sample_count))
                            : 1 / kSampleScale);
}

void
sample_rows(BuildState *build)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseSample);
    build->mean = static_cast<float *>(palloc0(build->padded() * sizeof(float)));
    // without rows nothing tells the scale but that vectors of length 1 are compared
    build->meta.page.scale = build->meta.metric() == index::Metric::cosine ? kResidualLength : 1.0f;
    choose_lists(build);
    index::check_build_memory(
        centroids_bytes(build->lists(), plan_list_capacity(build->lists()), build->padded()));
    if (build->heap == nullptr)
        return;

    const int64 most = index::most_rows(build->heap);
    if (most > 0) {
        const int64 wanted = Min(Max(kRowsPerList * build->lists(), kMinSample), most);
        build->sample_target = index::fit_sample(wanted, training_bytes, build);
        const auto target = static_cast<Size>(build->sample_target);
        build->samples = static_cast<float *>(
            palloc_extended(mul_size(target, build->padded() * sizeof(float)), MCXT_ALLOC_HUGE));
        build->sample_tids = static_cast<ItemPointerData *>(
            palloc_extended(mul_size(target, sizeof(ItemPointerData)), MCXT_ALLOC_HUGE));
        draw(build);
        check_sample(build, wanted);
    }
    if (build->sample_count < build->lists())
        ereport(NOTICE, (errmsg("ivfrabitq index created with little data"),
                         errdetail("This will cause low recall."),
                         errhint("Drop the index until the table has more data.")));
    if (build->sample_count > 0) {
        normalise_sample(build);
        hold_out_rows(build);
    }
}

} // namespace vx::ivfrabitq
