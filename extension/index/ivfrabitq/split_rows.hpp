// SPDX-License-Identifier: PostgreSQL
//
// Private to splits: the rows of a list, read from the table.
#pragma once

#include "index/common/existing_block.hpp"
#include "index/ivfrabitq/encode.hpp"

extern "C" {
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "utils/snapshot.h"
}

namespace vx::ivfrabitq
{

struct RowReader {
    Relation index;
    Relation heap;
    IndexInfo *info;
    EState *estate;
    IndexFetchTableData *fetch;
    index::TableEnd table_end;
    TupleTableSlot *slot;
    TupleTableSlot *local; // the same row, with what the index reads in memory
    bool *is_read;         // columns of the table: the index, or an expression of it, reads it
    SnapshotData snapshot; // everything that some scan of this server may still see
    Encoder encoder;
    Datum values[INDEX_MAX_KEYS]; // of the row read last
    bool isnull[INDEX_MAX_KEYS];
    TransactionId newest_deleter; // of the rows that were left out; invalid: there were none
};

/// Memory: CurrentMemoryContext.
void begin_row_reader(RowReader *reader, Relation index, const Meta &meta);

/// The row's vector as the index has it, and its values. False: nobody on this server can see the
/// row any more, or it has no place in the index.
bool read_row(RowReader *reader, const ItemPointerData &tid, float *out);

/// Tells standbys that rows are about to leave the index: replay waits for the snapshots that see
/// them, or cancels those. REQUIRES: no page is locked.
void announce_left_out(const RowReader *reader);

void end_row_reader(RowReader *reader);

} // namespace vx::ivfrabitq
