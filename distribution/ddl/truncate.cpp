// SPDX-License-Identifier: PostgreSQL
//
// TRUNCATE: PostgreSQL truncates all tables named here (checks rights, takes locks, restarts
// sequences); of the distributed ones, which are empty here, the shards follow.
#include "pg/postgres.hpp"

#include "ddl/shard_commands.hpp"
#include "ddl/utility_hook.hpp"

namespace vecmesh
{

bool
truncate(const UtilityCall &call)
{
    const auto *statement = castNode(TruncateStmt, call.statement->utilityStmt);
    List *commands = NIL;
    ListCell *cell;

    foreach (cell, statement->relations) {
        const DistributedTable *table = find_named_table(lfirst_node(RangeVar, cell));

        for (int i = 0; table != nullptr && i < table->shard_count; i++) {
            const Shard *shard = &table->shards[i];
            const char *name = shard_qualified_name(table->relation, shard->shard_id);

            commands = append_shard_command(commands, shard->group_id,
                                            psprintf("TRUNCATE TABLE %s", name));
        }
    }
    if (commands == NIL)
        return false;

    run_local_quietly(call);
    run_shard_commands(commands, Access::write, InvalidOid);
    return true;
}

} // namespace vecmesh
