// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "ddl/move_rows.hpp"

#include "ddl/pinned_settings.hpp"
#include "executor/shard_copy.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

/// Takes the rows of SELECT and writes them into the local table; `base` first, for the cast back.
struct TableReceiver {
    DestReceiver base;
    Relation relation;
    TupleTableSlot *slot;
    BulkInsertState bulk;
    CommandId command;
};

void
fill_slot(TupleTableSlot *target, TupleTableSlot *source)
{
    TupleDesc description = target->tts_tupleDescriptor;
    int next = 0;

    slot_getallattrs(source);
    ExecClearTuple(target);
    for (int i = 0; i < description->natts; i++) {
        const bool dropped = TupleDescAttr(description, i)->attisdropped;

        target->tts_values[i] = dropped ? static_cast<Datum>(0) : source->tts_values[next];
        target->tts_isnull[i] = dropped ? true : source->tts_isnull[next];
        next += dropped ? 0 : 1;
    }
    ExecStoreVirtualTuple(target);
}

} // namespace

VX_CALLBACK(void, start_table_receiver, (DestReceiver *, int, TupleDesc), (nullptr, 0, nullptr)) {}

VX_CALLBACK(bool, receive_into_table, (TupleTableSlot * slot, DestReceiver *self), (slot, self))
{
    auto *receiver = reinterpret_cast<TableReceiver *>(self);

    fill_slot(receiver->slot, slot);
    table_tuple_insert(receiver->relation, receiver->slot, receiver->command, 0, receiver->bulk);
    return true;
}

VX_CALLBACK(void, end_table_receiver, (DestReceiver *), (nullptr)) {}

void
copy_rows_to_shards(Relation relation, const DistributedTable *table)
{
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    ShardCopy *copy = begin_shard_copy(table, relation);
    MemoryContext row_context =
        AllocSetContextCreate(CurrentMemoryContext, "vecmesh move row", ALLOCSET_DEFAULT_SIZES);

    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
        CHECK_FOR_INTERRUPTS();
        slot_getallattrs(slot);

        MemoryContext old = MemoryContextSwitchTo(row_context); // what the hash function leaves

        put_shard_row(copy, slot->tts_values, slot->tts_isnull);
        MemoryContextSwitchTo(old);
        MemoryContextReset(row_context);
    }
    finish_shard_copy(copy);
    ExecDropSingleTupleTableSlot(slot);
    table_endscan(scan);
    UnregisterSnapshot(snapshot);
    MemoryContextDelete(row_context);
}

void
copy_rows_from_shards(Relation relation)
{
    TupleDesc description = RelationGetDescr(relation);
    const char *separator = "SELECT ";
    StringInfoData sql;

    initStringInfo(&sql);
    for (int i = 0; i < description->natts; i++) {
        Form_pg_attribute attribute = TupleDescAttr(description, i);

        if (attribute->attisdropped)
            continue;
        appendStringInfo(&sql, "%s%s", separator, quote_identifier(NameStr(attribute->attname)));
        separator = ", ";
    }
    appendStringInfo(&sql, " FROM %s",
                     quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                                RelationGetRelationName(relation)));

    TableReceiver receiver = {};

    receiver.base.receiveSlot = receive_into_table;
    receiver.base.rStartup = start_table_receiver;
    receiver.base.rShutdown = end_table_receiver;
    receiver.base.rDestroy = end_table_receiver;
    receiver.base.mydest = DestIntoRel; // SPI takes DestNone for "no result wanted"
    receiver.relation = relation;
    receiver.slot = MakeSingleTupleTableSlot(description, &TTSOpsVirtual);
    receiver.bulk = GetBulkInsertState();
    receiver.command = GetCurrentCommandId(true);

    SPIExecuteOptions options = {};

    options.dest = &receiver.base;
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");

    const int status = SPI_execute_extended(sql.data, &options);

    if (status != SPI_OK_SELECT)
        elog(ERROR, "reading the shards failed: %s", SPI_result_code_string(status));
    SPI_finish();
    FreeBulkInsertState(receiver.bulk);
    ExecDropSingleTupleTableSlot(receiver.slot);
    table_finish_bulk_insert(relation, 0);
}

} // namespace vecmesh
