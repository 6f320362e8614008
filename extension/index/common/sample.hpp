// SPDX-License-Identifier: PostgreSQL
//
// The training sample of an index build: random blocks, and of their rows a reservoir, as ANALYZE
// does it (Vitter, "Random sampling with a reservoir", ACM TOMS 11(1), 1985, algorithm Z; in
// utils/sampling.h). The seeds are fixed: equal tables give equal indexes.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "nodes/execnodes.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
}

namespace vx::index
{

struct Sample {
    Relation heap;
    Relation index;
    IndexInfo *info;
    MemoryContext scratch; // current while store() runs; reset after each row
    Size row_bytes;        // about, to guess how many rows a block has
    int64 target;          // the most rows

    /// Keeps a row in slot 0 .. target - 1, in place of what was there. False: it cannot be used.
    bool (*store)(void *argument, int64 slot, ItemPointer tid, Datum value);
    void *argument;

    int64 count; // out: slots in use
};

void draw_sample(Sample *sample);

/// Rows that the index will have: those of some random blocks, times all blocks.
double estimate_rows(Relation heap, Relation index, IndexInfo *info);

/// The most rows there can be: what a sample needs no more than.
int64 most_rows(Relation heap);

/// maintenance_work_mem in bytes, less what the processes of a build take by themselves.
Size build_memory();

/// Raises if a build needs more than maintenance_work_mem.
void check_build_memory(Size needed);

/// The most rows up to `wanted`, but at least 1, for which training_bytes() is within
/// maintenance_work_mem.
int64 fit_sample(int64 wanted, Size (*training_bytes)(const void *argument, int64 rows),
                 const void *argument);

} // namespace vx::index
