// SPDX-License-Identifier: PostgreSQL
//
// The true neighbours of queries in a table that has an index already: to calibrate it again, or to
// see what recall it has.
#pragma once

#include "index/ivfrabitq/calibrate.hpp"
#include "index/ivfrabitq/calibration_queries.hpp"

extern "C" {
#include "storage/lockdefs.h"
}

namespace vx::ivfrabitq
{

/// An index and its table, open, and queries with their truth. Memory: CurrentMemoryContext of
/// open_table_truth().
struct TableTruth {
    Relation heap;
    Relation index;
    Meta meta;
    Encoder encoder;
    bool from_table; // the queries; else they are rows of the table
    uint32 count;
    Datum *values;   // as the index sees them
    float *prepared; // count x padded
    ItemPointerData *tids;
    Truth *truth; // nullptr: not found yet. List and spill list of a neighbour are block and offset
                  // of its tid until find_lists()
};

/// Opens the index and its table with these locks. Raises if it is no (valid) ivfrabitq index.
TableTruth *open_table_truth(Oid index, LOCKMODE heap_lock, LOCKMODE index_lock);

/// Up to `most` queries from the table, or if it is invalid from the indexed rows.
void take_queries(TableTruth *state, Oid queries, const char *column, uint32 most);

/// Reads the table under a snapshot of its own.
void find_truth(TableTruth *state);

/// Puts the lists that the neighbours are in in place of their tids, -1 for those that the index
/// does not have, and counts the rows of each list (list_rows: meta.page.lists).
void find_lists(TableTruth *state, uint32 *list_rows);

void close_table_truth(TableTruth *state);

} // namespace vx::ivfrabitq
