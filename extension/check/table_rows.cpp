// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/check.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/memutils.h"
}

namespace vx::check
{

struct TableRows {
    Relation heap;
    Snapshot snapshot;
    BlockNumber blocks; // of the table, when last counted
    IndexInfo *info;
    ExprState *predicate;
    EState *estate;
    IndexFetchTableData *fetch;
    TupleTableSlot *slot;
    MemoryContext scratch;
    Datum values[INDEX_MAX_KEYS];
    bool isnull[INDEX_MAX_KEYS];
};

TableRows *
open_table_rows(const Check *check)
{
    auto *rows = static_cast<TableRows *>(palloc0(sizeof(TableRows)));
    rows->heap = check->heap;
    rows->snapshot = check->snapshot;
    rows->info = BuildIndexInfo(check->index);
    rows->estate = CreateExecutorState();
    rows->predicate = ExecPrepareQual(rows->info->ii_Predicate, rows->estate);
    rows->fetch = table_index_fetch_begin(check->heap);
    rows->slot = table_slot_create(check->heap, nullptr);
    rows->scratch =
        AllocSetContextCreate(CurrentMemoryContext, "index check row", ALLOCSET_DEFAULT_SIZES);
    return rows;
}

void
close_table_rows(TableRows *rows)
{
    table_index_fetch_end(rows->fetch);
    ExecDropSingleTupleTableSlot(rows->slot);
    FreeExecutorState(rows->estate);
    MemoryContextDelete(rows->scratch);
}

/// Reading a block behind the end of the table would be an error.
static bool
is_in_table(TableRows *rows, const ItemPointerData &tid)
{
    const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&tid);
    if (block >= rows->blocks)
        rows->blocks = RelationGetNumberOfBlocks(rows->heap);
    return block < rows->blocks;
}

bool
fetch_row(TableRows *rows, const ItemPointerData &tid, TableRow *out)
{
    if (!is_in_table(rows, tid))
        return false;
    ItemPointerData found = tid;
    bool again = false;
    bool all_dead = false;
    if (!table_index_fetch_tuple(rows->fetch, &found, rows->snapshot, rows->slot, &again,
                                 &all_dead))
        return false;
    MemoryContextReset(rows->scratch);
    ResetPerTupleExprContext(rows->estate);
    GetPerTupleExprContext(rows->estate)->ecxt_scantuple = rows->slot;
    *out = {nullptr, rows->isnull, rows->scratch};
    // first: expressions may not be made for rows that the predicate excludes
    if (!ExecQual(rows->predicate, GetPerTupleExprContext(rows->estate)))
        return true;
    MemoryContext previous = MemoryContextSwitchTo(rows->scratch);
    FormIndexDatum(rows->info, rows->slot, rows->estate, rows->values, rows->isnull);
    MemoryContextSwitchTo(previous);
    out->values = rows->values;
    return true;
}

} // namespace vx::check
