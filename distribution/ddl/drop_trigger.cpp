// SPDX-License-Identifier: PostgreSQL
//
// The sql_drop event trigger: when distributed tables have been dropped, by whatever command (DROP
// TABLE, DROP SCHEMA CASCADE, DROP OWNED), their shards and metadata go with them, in the same
// transaction. The catalog rows are gone by now, but their names are in the list of dropped objects
// and the metadata still knows the oids.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "catalog/table_metadata.hpp"
#include "ddl/shard_commands.hpp"

extern "C" {
#include "access/xact.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

struct DroppedShards {
    List *relations; // oids
    List *commands;  // ShardCommand
};

constexpr char kDroppedQuery[] =
    "SELECT d.objid, d.schema_name, d.object_name, s.shard_id, p.group_id"
    " FROM pg_catalog.pg_event_trigger_dropped_objects() d"
    " JOIN vecmesh.distributed_table t"
    "   ON t.relation OPERATOR(pg_catalog.=) d.objid"
    " JOIN vecmesh.shard s ON s.relation OPERATOR(pg_catalog.=) t.relation"
    " JOIN vecmesh.placement p ON p.shard_id OPERATOR(pg_catalog.=) s.shard_id"
    " WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
    "   AND d.objsubid OPERATOR(pg_catalog.=) 0"
    " ORDER BY s.shard_id";

void
append_row(DroppedShards *dropped, HeapTuple row, TupleDesc description, MemoryContext context)
{
    bool is_null;
    const Oid relation = DatumGetObjectId(SPI_getbinval(row, description, 1, &is_null));
    const int64 shard_id = DatumGetInt64(SPI_getbinval(row, description, 4, &is_null));
    const int32 group = DatumGetInt32(SPI_getbinval(row, description, 5, &is_null));
    MemoryContext old = MemoryContextSwitchTo(context);
    const char *shard =
        quote_qualified_identifier(SPI_getvalue(row, description, 2),
                                   shard_object_name(SPI_getvalue(row, description, 3), shard_id));

    dropped->relations = list_append_unique_oid(dropped->relations, relation);
    dropped->commands =
        append_shard_command(dropped->commands, group, psprintf("DROP TABLE IF EXISTS %s", shard));
    MemoryContextSwitchTo(old);
}

DroppedShards
find_dropped()
{
    DroppedShards dropped = {NIL, NIL};
    MemoryContext context = CurrentMemoryContext;

    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    if (SPI_execute(kDroppedQuery, true, 0) != SPI_OK_SELECT)
        elog(ERROR, "could not read the list of dropped objects");
    for (uint64 i = 0; i < SPI_processed; i++)
        append_row(&dropped, SPI_tuptable->vals[i], SPI_tuptable->tupdesc, context);
    SPI_finish();
    return dropped;
}

} // namespace

} // namespace vecmesh

VX_FUNCTION(vecmesh_drop_shards)
{
    if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("vecmesh.drop_shards() may only be called as an event trigger")));
    if (!vecmesh::extension_ready())
        return PointerGetDatum(nullptr);

    const vecmesh::DroppedShards dropped = vecmesh::find_dropped();
    ListCell *cell;

    vecmesh::run_shard_commands(dropped.commands, vecmesh::Access::write, InvalidOid);
    foreach (cell, dropped.relations)
        vecmesh::delete_table_metadata(lfirst_oid(cell));
    return PointerGetDatum(nullptr);
}
