// SPDX-License-Identifier: PostgreSQL
//
// The build of an index, shared by its steps:
//
//     sample     rows from random blocks: how many lists, the mean, the scale   build_sample.cpp
//     train      centroids, by vector_build.so; quantised                       build_train.cpp
//     measure    the codes' errors, the spill threshold, on the sample          build_measure.cpp
//     sort       every row to its list(s) and codes, sorted by list             build_rows.cpp
//     plan       lists to pages                                                 build_plan.cpp
//     load       the file, front to back                                        build_load.cpp
//
// build.cpp calls them. All plain frames: the state is palloc'd, the library is called through
// plain C functions.
#pragma once

#include "index/ivfrabitq/centres.hpp"
#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/pack.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "utils/tuplesort.h"
}

namespace vx::ivfrabitq
{

// Phases that pg_stat_progress_create_index shows; 1 is PostgreSQL's "initializing".
constexpr int kPhaseSample = 2;
constexpr int kPhaseTrain = 3;
constexpr int kPhaseAssign = 4;
constexpr int kPhaseSort = 5;
constexpr int kPhaseLoad = 6;

struct BuildState {
    Relation heap; // nullptr: the init fork of an unlogged index, no rows
    Relation index;
    IndexInfo *info;
    index::OperatorClass operator_class;
    Meta meta; // lists, scale and so on as they become known
    int threads;
    MemoryContext scratch; // reset after each row

    float *samples; // sample_count x padded; prepared
    ItemPointerData *sample_tids;
    int64 sample_target;
    int64 sample_count;
    float *mean;      // padded
    float *centroids; // lists x padded, until they are quantised
    Centroids centres;

    Tuplesortstate *sort;
    uint32 *list_rows; // how many rows each list got, copies included
    double heap_tuples;
    double index_tuples;

    Packing packing;
    page::ListEntry *entries;

    uint32 padded() const { return meta.page.padded; }

    uint32 lists() const { return meta.page.lists; }
};

/// Sets lists, mean, scale; fills samples (zero rows without a heap) within maintenance_work_mem.
void sample_rows(BuildState *build);

/// Makes the centroids from the samples; sets the final scale.
void train_centroids(BuildState *build);

/// Sets kappas and the spill threshold from the samples, and frees those.
void measure_codes(BuildState *build);

/// Scans the heap and sorts all rows by list.
void sort_rows(BuildState *build);

/// Plans the pages: packing, directory, block numbers.
void plan_pages(BuildState *build);

/// Writes the whole index.
void load_index(BuildState *build, ForkNumber fork);

} // namespace vx::ivfrabitq
