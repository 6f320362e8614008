// SPDX-License-Identifier: PostgreSQL
//
// One process that reads a part of the table during a build: rows are gathered into batches, a
// batch gets its lists, and goes to a sort by list as finished codes. The sort spills to disk
// beyond its memory.
#pragma once

#include "index/ivfrabitq/calibrate.hpp"
#include "index/ivfrabitq/centres.hpp"
#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/spill.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "port/atomics.h"
#include "utils/tuplesort.h"
}

namespace vx::ivfrabitq
{

/// What every process of a build knows.
struct SortPlan {
    Relation index;
    const Meta *meta;
    const float *mean;
    const Centroids *centroids;
    SortCoordinate coordinate; // of a parallel sort; nullptr: there is one process
    int kilobytes;             // to sort in, and for everything else here
    Truth *truth;              // this process's; nullptr: no calibration
    uint32 *list_rows;         // rows per list, copies included
    pg_atomic_uint64 *indexed; // rows of all processes, copies not included
    bool shows_progress;
};

struct RowSorter {
    SortPlan plan;
    Encoder encoder;
    RowAssigner assigner;
    SpillChooser spill;
    Tuplesortstate *sort;
    TupleTableSlot *slot;
    MemoryContext scratch; // reset after each row

    uint32 capacity; // of a batch
    uint32 count;
    float *rows; // capacity x padded
    char *codes; // capacity RowCodes, `stride` apart
    Size stride;
    bytea *payload;
    ItemPointerData *tids; // of the batch, as the truth wants them
    int32 *lists;
    int32 *spill_lists; // -1: none
};

/// Memory: CurrentMemoryContext. *plan is copied, but not what it points to.
void begin_sorter(RowSorter *sorter, const SortPlan *plan);

/// Reads the table and sorts; `scan`: nullptr or this process's part of a parallel scan. Returns
/// the rows of the table that were seen. Frees all but sorter->sort.
double sort_table(RowSorter *sorter, Relation heap, IndexInfo *info, TableScanDesc scan);

/// The begin of a sort of that kind, also for the one that merges.
Tuplesortstate *begin_row_sort(int kilobytes, SortCoordinate coordinate);

TupleDesc row_sort_descriptor();

} // namespace vx::ivfrabitq
