// SPDX-License-Identifier: PostgreSQL
//
// TRUNCATE: PostgreSQL truncates all tables named here (checks rights, takes locks, restarts
// sequences); of the distributed ones, which are empty here, the shards follow.
#include "pg/postgres.hpp"

#include "ddl/pinned_settings.hpp"
#include "ddl/shard_commands.hpp"
#include "ddl/utility_hook.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace vecmesh
{

bool
truncate(const UtilityCall &call)
{
    const auto *statement = castNode(TruncateStmt, call.statement->utilityStmt);
    List *commands = NIL;
    List *local_tables = NIL;
    ListCell *cell;

    foreach (cell, statement->relations) {
        const Oid relation = find_table_oid(lfirst_node(RangeVar, cell));
        const DistributedTable *table = find_distributed_table(relation);

        if (table == nullptr)
            local_tables = lappend_oid(local_tables, relation);
        for (int i = 0; table != nullptr && i < table->shard_count; i++) {
            const Shard *shard = &table->shards[i];
            const char *name = shard_qualified_name(table->relation, shard->shard_id);

            commands = append_shard_command(commands, shard->group_id,
                                            psprintf("TRUNCATE TABLE %s", name));
        }
    }
    const int level = commands == NIL ? NewGUCNestLevel() : pin_quiet();

    run_local_watching(call, local_tables);
    unpin_settings(level);
    run_shard_commands(commands, Access::write, InvalidOid);
    return true;
}

} // namespace vecmesh
