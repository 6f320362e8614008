// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.create_distributed_table().
//
// Everything happens in the user's transaction under an exclusive lock on the table: metadata,
// CREATE TABLE on the workers, the rows, the indexes, TRUNCATE of the local storage (a new file, so
// that it can be undone). Two-phase commit makes all of it happen or none; a crash at any point
// leaves the table as it was, or distributed.
#include "pg/postgres.hpp"

#include "catalog/catalog_access.hpp"
#include "catalog/table_metadata.hpp"
#include "ddl/distributable.hpp"
#include "ddl/distribute.hpp"
#include "ddl/grant.hpp"
#include "ddl/move_rows.hpp"
#include "ddl/pinned_settings.hpp"
#include "ddl/shard_commands.hpp"
#include "ddl/shard_ddl.hpp"

extern "C" {
#include "access/relation.h"
#include "access/tableam.h"
#include "catalog/pg_namespace.h"
#include "commands/tablecmds.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
}

#include "pg/compat.hpp"
#include "pg/entry.hpp"

namespace vecmesh
{

int default_shard_count_setting = 0;

namespace
{

constexpr int kMaxShardCount = 4096;

List *
append_table_commands(List *commands, Relation relation, const DistributedTable *table)
{
    const bool schema_exists = RelationGetNamespace(relation) == PG_PUBLIC_NAMESPACE;

    for (int i = 0; !schema_exists && i < table->group_count; i++)
        commands = append_shard_command(commands, table->groups[i], shard_schema_command(relation));
    for (int i = 0; i < table->shard_count; i++)
        commands = append_shard_command(commands, table->shards[i].group_id,
                                        shard_table_command(relation, table->shards[i].shard_id));
    return append_right_commands(commands, relation, table);
}

List *
append_index_commands(List *commands, Relation relation, const DistributedTable *table)
{
    for (int i = 0; i < table->shard_count; i++) {
        ListCell *cell;

        foreach (cell, shard_index_commands(relation, table->shards[i].shard_id))
            commands = append_shard_command(commands, table->shards[i].group_id,
                                            static_cast<char *>(lfirst(cell)));
    }
    return commands;
}

void
truncate_local(Relation relation)
{
    const int level = pin_quiet(); // an index over no rows may say so

    pg::truncate_table(relation);
    unpin_settings(level);
}

void
make_shards(Relation relation, const DistributedTable *table)
{
    const Oid id = RelationGetRelid(relation);
    List *commands = append_table_commands(NIL, relation, table);

    if (RelationGetNumberOfBlocks(relation) == 0) {
        run_shard_commands(append_index_commands(commands, relation, table), Access::write, id);
        return;
    }
    run_shard_commands(commands, Access::write, id);
    copy_rows_to_shards(relation, table);
    run_shard_commands(append_index_commands(NIL, relation, table), Access::write, id);
    truncate_local(relation);
}

void
create_distributed_table(Oid relation_id, const char *column_name, int shard_count,
                         const char *colocate_with)
{
    Relation relation = relation_open(relation_id, AccessExclusiveLock);
    const AttrNumber column = check_distributable(relation, column_name);

    CheckTableNotInUse(relation, "distribute");
    lock_catalog("colocation"); // two sessions must not both make the first table of a set

    const bool with_table =
        strcmp(colocate_with, "default") != 0 && strcmp(colocate_with, "none") != 0;
    const int count = shard_count > 0 || with_table ? shard_count : default_shard_count_setting;
    const Colocation colocation = find_or_make_colocation(relation, column, count, colocate_with);

    make_shards(relation, insert_table_metadata(relation, column, colocation, count));
    relation_close(relation, NoLock);
}

} // namespace

} // namespace vecmesh

VX_FUNCTION(vecmesh_create_distributed_table)
{
    for (int i : {0, 1, 3})
        if (PG_ARGISNULL(i))
            ereport(ERROR,
                    (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                     errmsg("argument %d of create_distributed_table() must not be null", i + 1),
                     errhint("Only shard_count may be null: the default is "
                             "vecmesh.shard_count.")));

    const int shard_count = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);

    if (!PG_ARGISNULL(2) && (shard_count < 1 || shard_count > vecmesh::kMaxShardCount))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("shard_count must be between 1 and %d", vecmesh::kMaxShardCount),
                 errhint("One to four shards per worker are a good choice for vector search.")));
    vecmesh::create_distributed_table(PG_GETARG_OID(0), text_to_cstring(PG_GETARG_TEXT_PP(1)),
                                      shard_count, text_to_cstring(PG_GETARG_TEXT_PP(3)));
    PG_RETURN_VOID();
}
