// SPDX-License-Identifier: PostgreSQL
//
// Training: k-means over the sample, by vector_build.so, then the centroids become int8 codes, and
// what a code stands for is the centre of its list from then on.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
}

#include "index/common/build_library.hpp"
#include "index/ivfrabitq/build_shape.hpp"

#include <algorithm>
#include <cmath>

namespace vx::ivfrabitq
{

constexpr uint64 kTrainingSeed = 1234;
constexpr int kTrainingIterations = 10;

uint32
auto_lists(double rows, uint32 padded)
{
    constexpr double kRowsPerList = 30; // at least, on average
    const double factor = padded <= 128 ? 6 : padded < 256 ? 5 : 4;
    const double lists = std::min(factor * std::sqrt(std::max(rows, 1.0)), rows / kRowsPerList);
    return static_cast<uint32>(std::min(std::max(lists, 1.0), 1024.0 * 1024.0));
}

/// An index without rows gets random centroids of length 1, without loading the library: inserts
/// then spread over the lists. One list alone has the origin.
static void
random_centroids(BuildState *build)
{
    if (build->lists() == 1)
        return;
    pg_prng_state random;
    pg_prng_seed(&random, kTrainingSeed);
    const Size n = build->padded();
    const double length = static_cast<double>(build->meta.page.scale) / std::sqrt(n);
    for (Size i = 0; i < build->lists() * n; i++) {
        if (i % 65536 == 0)
            CHECK_FOR_INTERRUPTS();
        const bool positive = pg_prng_bool(&random);
        build->centroids[i] = static_cast<float>(positive ? length : -length);
    }
}

static void
run_k_means(BuildState *build)
{
    VxTrainRequest request = {};
    request.rows = build->samples;
    request.row_count = build->sample_count;
    request.dim = static_cast<int32>(build->padded());
    request.list_count = static_cast<int32>(build->lists());
    request.metric = VX_BUILD_L2;
    request.iterations = kTrainingIterations;
    request.seed = kTrainingSeed;
    request.approximate = VX_BUILD_CODES;
    request.threads = build->threads;
    request.centroids = build->centroids;
    build_train(&request);
}

/// The mean squared residual of some of the sample.
static double
mean_residual(const BuildState *build)
{
    constexpr uint32 kBatch = 64;
    constexpr int64 kBatches = 64;
    const int64 step = Max(build->sample_count / kBatches, static_cast<int64>(kBatch));
    RowAssigner assigner;
    make_assigner(&build->centres, 1, kBatch, &assigner);
    double sum = 0;
    int64 rows = 0;
    for (int64 first = 0; first < build->sample_count; first += step) {
        const auto count = static_cast<uint32>(Min(int64{kBatch}, build->sample_count - first));
        assign_batch(&assigner, build->samples + static_cast<Size>(first) * build->padded(), count);
        for (uint32 i = 0; i < count; i++)
            sum += static_cast<double>(assigner.distances[i]);
        rows += count;
    }
    free_assigner(&assigner);
    return sum / static_cast<double>(rows);
}

void
train_centroids(BuildState *build)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseTrain);
    const uint32 padded = build->padded();
    build->centroids = static_cast<float *>(palloc_extended(
        build->lists() * Size{padded} * sizeof(float), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    if (build->sample_count == 0)
        random_centroids(build);
    else
        run_k_means(build);

    const uint32 capacity = build->meta.page.list_capacity = plan_list_capacity(build->lists());
    if (has_many_lists(build->lists()))
        place_lists(build);
    const uint32 lists = build->lists();
    build->centres_memory =
        palloc_extended(centroids_bytes(lists, capacity, padded), MCXT_ALLOC_HUGE);
    place_centroids(&build->centres, lists, capacity, padded, build->centres_memory);
    quantize_centroids(build->centroids, build->vacant, &build->centres);
    if (build->sample_count > 0) {
        scale_by(build, scale_for(mean_residual(build)));
        quantize_centroids(build->centroids, build->vacant, &build->centres);
    }
    pfree(build->centroids);
    build->centroids = nullptr;
    if (build->vacant != nullptr)
        make_block_centres(build);
}

} // namespace vx::ivfrabitq
