// SPDX-License-Identifier: PostgreSQL
//
// One process that reads a part of the table during a build: rows are gathered into batches, a
// batch gets its lists, and goes to a sort by list as finished codes. The sort spills to disk
// beyond its memory.
#pragma once

#include "index/ivfrabitq/centres.hpp"
#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/spill.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/tuplesort.h"
}

namespace vx::ivfrabitq
{

struct RowSorter {
    Relation index;
    const Meta *meta;
    Encoder encoder;
    RowAssigner assigner;
    SpillChooser spill;
    Tuplesortstate *sort;
    TupleTableSlot *slot;
    MemoryContext scratch; // reset after each row

    uint32 *list_rows; // rows per list, copies included; the caller's
    int64 indexed;     // rows, copies not included

    uint32 capacity; // of a batch
    uint32 count;
    float *rows; // capacity x padded
    char *codes; // capacity RowCodes, `stride` apart
    Size stride;
    bytea *payload;
};

/// What the batch buffers of a sorter take.
Size sorter_bytes(const Meta &meta);

/// Begins to sort within that memory; coordinate: of a parallel sort, or nullptr. Memory:
/// CurrentMemoryContext.
void begin_sorter(RowSorter *sorter, Relation index, const Meta *meta, const float *mean,
                  const Centroids *centroids, uint32 *list_rows, int sort_kilobytes,
                  SortCoordinate coordinate);

/// Reads the table; `scan`: nullptr or this process's part of a parallel scan. Returns the rows
/// of the table that were seen.
double sort_table(RowSorter *sorter, Relation heap, IndexInfo *info, TableScanDesc scan);

/// The begin of a sort of that kind, also for the one that merges.
Tuplesortstate *begin_row_sort(int kilobytes, SortCoordinate coordinate);

TupleDesc row_sort_descriptor();

} // namespace vx::ivfrabitq
