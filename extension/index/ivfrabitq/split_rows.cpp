// SPDX-License-Identifier: PostgreSQL
//
// The rows of a list that is split. Those that are dead to every snapshot of this server are left
// out; a standby's snapshot may see them all the same, so their removal is announced as the table's
// own vacuum announces that of rows. (Where the row is gone from the table, that has been done.) A
// row can die while we read it, and its values be vacuumed away from the TOAST table.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/split_rows.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
}

#include "index/common/external_value.hpp"
#include "pg/compat.hpp"

namespace vx::ivfrabitq
{

constexpr int kSystemAttributes = FirstLowInvalidHeapAttributeNumber; // where bitmaps begin

/// The columns of the table that the index, or an expression of it, reads.
static void
find_columns_read(RowReader *reader)
{
    const IndexInfo *info = reader->info;
    const TupleDesc columns = RelationGetDescr(reader->heap);
    Bitmapset *read = nullptr;
    pull_varattnos(reinterpret_cast<Node *>(info->ii_Expressions), 1, &read);
    const bool whole_row = bms_is_member(-kSystemAttributes, read);
    for (int i = 0; i < info->ii_NumIndexAttrs; i++)
        if (info->ii_IndexAttrNumbers[i] != 0) // else an expression
            read = bms_add_member(read, info->ii_IndexAttrNumbers[i] - kSystemAttributes);
    reader->is_read = static_cast<bool *>(palloc(columns->natts * sizeof(bool)));
    for (int i = 0; i < columns->natts; i++)
        reader->is_read[i] = whole_row || bms_is_member(i + 1 - kSystemAttributes, read);
}

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
    reader->local = MakeSingleTupleTableSlot(RelationGetDescr(reader->heap), &TTSOpsVirtual);
    find_columns_read(reader);
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
    ExecDropSingleTupleTableSlot(reader->local);
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

/// Copies the row to reader->local, and values that lie in the TOAST table into memory: there they
/// may be missing, which whoever reads them later, as an expression does, takes for an error.
static bool
fetch_values(RowReader *reader)
{
    const TupleDesc columns = RelationGetDescr(reader->heap);
    TupleTableSlot *local = reader->local;
    slot_getallattrs(reader->slot);
    ExecClearTuple(local);
    for (int i = 0; i < columns->natts; i++) {
        local->tts_values[i] = reader->slot->tts_values[i];
        local->tts_isnull[i] = reader->slot->tts_isnull[i];
        Datum *value = &local->tts_values[i];
        if (reader->is_read[i] && !local->tts_isnull[i] &&
            TupleDescAttr(columns, i)->attlen == -1 && index::is_external(*value) &&
            !index::fetch_external(*value, value))
            return false;
    }
    ExecStoreVirtualTuple(local);
    GetPerTupleExprContext(reader->estate)->ecxt_scantuple = local;
    FormIndexDatum(reader->info, local, reader->estate, reader->values, reader->isnull);
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
