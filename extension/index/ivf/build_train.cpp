// SPDX-License-Identifier: PostgreSQL
//
// Training: k-means over the sample, by vector_build.so; spherical where the operator class
// compares directions. An index without rows gets random centroids, without loading the library:
// inserts then spread over the lists.
#include "pg/postgres.hpp"

#include "index/ivf/build_state.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "miscadmin.h"
}

#include "index/common/build_library.hpp"

namespace vx::ivf
{

constexpr uint64 kTrainingSeed = 1234;
constexpr int kTrainingIterations = 20;

static void
random_centroids(BuildState *build)
{
    pg_prng_state random;
    pg_prng_seed(&random, kTrainingSeed);
    const uint32 n = build->dimensions();
    for (uint32 list = 0; list < build->lists(); list++) {
        float *centroid = build->centroids + static_cast<Size>(list) * n;
        for (uint32 i = 0; i < n; i++)
            centroid[i] = static_cast<float>(pg_prng_double(&random));
        if (build->operator_class.normalize_training)
            index::normalize(centroid, static_cast<int32>(n), centroid);
    }
}

void
train_centroids(BuildState *build)
{
    build->centroids =
        static_cast<float *>(palloc_extended(centroid_bytes(build), MCXT_ALLOC_HUGE));
    if (build->sample_count == 0) {
        random_centroids(build);
    } else {
        VxTrainRequest request = {};
        request.rows = build->samples;
        request.row_count = build->sample_count;
        request.dim = static_cast<int32>(build->dimensions());
        request.list_count = static_cast<int32>(build->lists());
        request.metric =
            build->operator_class.normalize_training ? VX_BUILD_INNER_PRODUCT : VX_BUILD_L2;
        request.iterations = kTrainingIterations;
        request.seed = kTrainingSeed;
        request.threads = build->threads;
        request.centroids = build->centroids;
        build_train(&request);
    }
    if (build->samples != nullptr)
        pfree(build->samples);
    build->samples = nullptr;
}

} // namespace vx::ivf
