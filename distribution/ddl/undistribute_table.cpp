// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.undistribute_table(): the way back, in one transaction like the way there. The rows are
// read with an ordinary SELECT while the table is still distributed; the local indexes are built
// again.
#include "pg/postgres.hpp"

#include "catalog/catalog_access.hpp"
#include "catalog/table_metadata.hpp"
#include "ddl/distribute.hpp"
#include "ddl/move_rows.hpp"
#include "ddl/shard_commands.hpp"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "pg/compat.hpp"
#include "pg/entry.hpp"

namespace vecmesh
{

void
drop_shards(const DistributedTable *table, const char *schema, const char *name)
{
    List *commands = NIL;

    for (int i = 0; i < table->shard_count; i++) {
        const Shard *shard = &table->shards[i];
        const char *shard_name =
            quote_qualified_identifier(schema, shard_object_name(name, shard->shard_id));

        commands = append_shard_command(commands, shard->group_id,
                                        psprintf("DROP TABLE IF EXISTS %s", shard_name));
    }
    run_shard_commands(commands, Access::write, table->relation);
}

namespace
{

void
undistribute_table(Oid relation_id)
{
    Relation relation = relation_open(relation_id, AccessExclusiveLock);
    const DistributedTable *table = get_distributed_table(relation_id);

    if (!pg::owns_relation(relation_id, GetUserId()))
        aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(relation));
    CheckTableNotInUse(relation, "undistribute");
    copy_rows_from_shards(relation);
    drop_shards(table, get_namespace_name(RelationGetNamespace(relation)),
                RelationGetRelationName(relation));
    delete_table_metadata(relation_id);
    relation_close(relation, NoLock);
    CommandCounterIncrement();
    pg::reindex_table(relation_id);
}

} // namespace

} // namespace vecmesh

VX_FUNCTION(vecmesh_undistribute_table)
{
    vecmesh::undistribute_table(PG_GETARG_OID(0));
    PG_RETURN_VOID();
}
