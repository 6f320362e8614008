// SPDX-License-Identifier: PostgreSQL
//
// The build of an index, shared by its steps:
//
//     sample    rows for training, from random blocks            build_sample.cpp
//     train     centroids, by vector_build.so                    build_train.cpp
//     assign    every row to its nearest centroid, then sort     build_assign.cpp
//     load      metapage, centroids, directory, rows in order    build_load.cpp
//
// build.cpp calls them. All plain frames: the state is palloc'd, the library is called through
// plain C functions.
#pragma once

#include "index/ivf/meta.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "utils/tuplesort.h"
}

namespace vx::ivf
{

// Phases that pg_stat_progress_create_index shows; 1 is PostgreSQL's "initializing".
constexpr int kPhaseTrain = 2;
constexpr int kPhaseAssign = 3;
constexpr int kPhaseLoad = 4;

struct BuildState {
    Relation heap; // nullptr: the init fork of an unlogged index, no rows
    Relation index;
    IndexInfo *info;
    index::OperatorClass operator_class;
    page::MetaPage meta;
    int threads;
    MemoryContext scratch; // reset after each row

    float *samples;
    int64 sample_target;
    int64 sample_count;

    float *centroids; // lists x dimensions

    Tuplesortstate *sort;
    TupleDesc sort_descriptor;
    int64 *list_rows; // how many rows each list got
    double heap_tuples;
    double index_tuples;

    uint32 dimensions() const { return meta.dimensions; }

    uint32 lists() const { return meta.lists; }
};

/// Bytes of the centroids, held from training to the end.
Size centroid_bytes(const BuildState *build);

/// Fills samples (zero rows without a heap): sets sample_target within maintenance_work_mem first.
void sample_rows(BuildState *build);

/// Makes the centroids from the samples and frees those.
void train_centroids(BuildState *build);

/// Scans the heap and sorts all rows by list.
void assign_rows(BuildState *build);

/// Writes the whole index.
void load_index(BuildState *build, ForkNumber fork);

} // namespace vx::ivf
