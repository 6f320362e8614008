// SPDX-License-Identifier: PostgreSQL
//
// The rows of a list that is split. Those that are dead to every snapshot of this server are left
// out; a standby's snapshot may see them all the same, so their removal is announced as the table's
// own vacuum announces that of rows. (Where the row is gone from the table, that has been done.)
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

bool
read_row(RowReader *reader, const ItemPointerData &tid, float *out)
{
    reader->table_end.check(reader->index, reader->heap, ItemPointerGetBlockNumberNoCheck(&tid));
    if (!fetch_newest(reader, tid)) {
        note_left_out(reader, tid);
        return false;
    }
    GetPerTupleExprContext(reader->estate)->ecxt_scantuple = reader->slot;
    FormIndexDatum(reader->info, reader->slot, reader->estate, reader->values, reader->isnull);
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
