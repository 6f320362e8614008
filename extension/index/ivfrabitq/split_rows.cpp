// SPDX-License-Identifier: PostgreSQL
//
// The rows of a list that is split. Those that are dead to every snapshot of this server are left
// out; a standby's snapshot may see them all the same, so their removal is announced as the table's
// own vacuum announces that of rows. (Where the row is gone from the table, that has been done.) A
// row can die while we read it, and its vector be vacuumed away from the TOAST table.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/split_rows.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
}

#include "index/common/external_value.hpp"
#include "pg/compat.hpp"

namespace vx::ivfrabitq
{

void
begin_row_reader(RowReader *reader, Relation index, const Meta &meta)
{
    *reader = {};
    reader->index = index;
    reader->heap = table_open(IndexGetRelation(RelationGetRelid(index), false), NoLock);
    reader->info = BuildIndexInfo(index);
    reader->estate = CreateExecutorState();
    reader->fetch = table_index_fetch_begin(reader->heap);
    reader->slot = table_slot_create(reader->heap, nullptr);
    InitNonVacuumableSnapshot(reader->snapshot, GlobalVisTestFor(reader->heap));
    const Size bytes = meta.page.padded * sizeof(float);
    auto *mean = static_cast<float *>(palloc(bytes));
    memcpy(mean, get_mean(index, meta), bytes);
    make_encoder(&meta, mean, &reader->encoder);
    reader->newest_deleter = InvalidTransactionId;
}

void
end_row_reader(RowReader *reader)
{
    table_index_fetch_end(reader->fetch);
    ExecDropSingleTupleTableSlot(reader->slot);
    FreeExecutorState(reader->estate);
    table_close(reader->heap, NoLock);
}

/// The newest version that the snapshot has into the slot: of a chain of updates that did not
/// change what is indexed, and of one that did before the index was made, its value is the index's.
static bool
fetch_newest(RowReader *reader, ItemPointerData tid)
{
    bool found = false;
    bool more = false;
    do {
        if (!table_index_fetch_tuple(reader->fetch, &tid, &reader->snapshot, reader->slot, &more,
                                     nullptr))
            break;
        found = true;
        ExecMaterializeSlot(reader->slot); // the next call writes to where its tuple is
    } while (more);
    return found;
}

/// The row is left out: who deleted it?
static void
note_left_out(RowReader *reader, ItemPointerData tid)
{
    bool more = false;
    while (
        table_index_fetch_tuple(reader->fetch, &tid, SnapshotAny, reader->slot, &more, nullptr)) {
        if (TTS_IS_BUFFERTUPLE(reader->slot)) {
            const HeapTuple tuple = ExecFetchSlotHeapTuple(reader->slot, false, nullptr);
            pg::note_removed_row(tuple->t_data, &reader->newest_deleter);
        } else {
            reader->newest_deleter = GetOldestNonRemovableTransactionId(reader->heap);
        }
        if (!more)
            break;
    }
}

/// Values that lie in the TOAST table are read here, where they may be missing.
static bool
fetch_values(RowReader *reader)
{
    GetPerTupleExprContext(reader->estate)->ecxt_scantuple = reader->slot;
    FormIndexDatum(reader->info, reader->slot, reader->estate, reader->values, reader->isnull);
    const TupleDesc columns = RelationGetDescr(reader->index);
    for (int i = 0; i < columns->natts; i++) {
        Datum *value = &reader->values[i];
        if (!reader->isnull[i] && TupleDescAttr(columns, i)->attlen == -1 &&
            index::is_external(*value) && !index::fetch_external(*value, value))
            return false;
    }
    return true;
}

bool
read_row(RowReader *reader, const ItemPointerData &tid, float *out)
{
    reader->table_end.check(reader->index, reader->heap, ItemPointerGetBlockNumberNoCheck(&tid));
    if (!fetch_newest(reader, tid) || !fetch_values(reader)) {
        note_left_out(reader, tid);
        return false;
    }
    return !reader->isnull[0] && prepare_row(&reader->encoder, reader->values[0], out);
}

void
announce_left_out(const RowReader *reader)
{
    if (!TransactionIdIsNormal(reader->newest_deleter) || !XLogStandbyInfoActive() ||
        !RelationNeedsWAL(reader->index))
        return;
    pg::log_recovery_conflict(reader->index, reader->heap, reader->newest_deleter);
}

} // namespace vx::ivfrabitq
