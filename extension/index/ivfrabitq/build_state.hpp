// SPDX-License-Identifier: PostgreSQL
//
// The build of an index, shared by its steps:
//
//     sample     rows from random blocks: how many lists, the mean, the scale   build_sample.cpp
//     train      centroids, by vector_build.so; quantised                       build_train.cpp
//                where they are many, in blocks of neighbours                  build_blocks.cpp
//     measure    the codes' errors, the spill threshold, on the sample          build_measure.cpp
//     sort       every row to its list(s) and codes, sorted by list             build_rows.cpp,
//                in several processes                                          build_parallel.cpp
//     calibrate  how many lists a recall takes                                  build_calibrate.cpp
//     plan       lists to pages                                                 build_plan.cpp
//     load       the file, front to back                                        build_load.cpp
//
// build.cpp calls them. All plain frames: the state is palloc'd, the library is called through
// plain C functions.
#pragma once

#include "index/ivfrabitq/centres.hpp"
#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/pack.hpp"
#include "index/ivfrabitq/row_sorter.hpp"

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

struct ParallelBuild;

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
    int64 held_count; // rows after them that are not trained on: the calibration's queries
    float *mean;      // padded
    float *centroids; // lists x padded, until they are quantised
    Centroids centres;
    void *centres_memory; // nullptr: parallel workers share them
    bool *vacant;         // where lists are many: the places of `lists` that have none
    uint8 *block_centres; // and the tiles of the blocks' centres, in one piece

    float *queries;              // query_count x padded, prepared; to calibrate with
    ItemPointerData *query_tids; // nullptr: they are no rows of the table
    uint32 query_count;
    Truth *truth; // their nearest rows

    ParallelBuild *parallel; // nullptr: one process reads the table
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

/// Where lists are many, puts them into blocks of 64 places with their neighbours: centroids and
/// `lists` then are of places, vacant says which of them have no list.
void place_lists(BuildState *build);

/// block_centres, from the centres.
void make_block_centres(BuildState *build);

/// Sets kappas and the spill threshold from the samples, and frees those.
void measure_codes(BuildState *build);

/// Keeps some of the sample from training; afterwards, makes them or the table's that the user
/// named the queries to calibrate with.
void hold_out_rows(BuildState *build);
void choose_queries(BuildState *build);

/// Memory for a process's Truth, begun with the build's queries.
Size build_truth_bytes(const BuildState *build);
void begin_build_truth(const BuildState *build, Truth *truth);

/// Scans the heap and sorts all rows by list.
void sort_rows(BuildState *build);

/// What every process of the build sorts with but its own memory and counters.
SortPlan plan_sort(const BuildState *build, int processes);

/// Does sort_rows() with parallel workers. False: there are none to be had, nothing was done.
bool sort_in_parallel(BuildState *build);

/// Ends what is left of parallel workers when the sorted rows have been read.
void end_parallel(BuildState *build);

/// Calibrates from build->truth.
void calibrate_build(BuildState *build);

/// Lists that are packed together: an eighth of memory is for pages that are not finished.
uint32 packing_window(const BuildState *build);

/// Plans the pages: packing, directory, block numbers.
void plan_pages(BuildState *build);

/// Writes the whole index.
void load_index(BuildState *build, ForkNumber fork);

} // namespace vx::ivfrabitq
