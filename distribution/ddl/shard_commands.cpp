// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "ddl/shard_commands.hpp"

#include "catalog/metadata.hpp"

extern "C" {
#include "utils/memutils.h"
}

#include <algorithm>

namespace vecmesh
{

namespace
{

/// The distinct groups of the commands, ascending.
int
collect_groups(List *commands, int32 *groups)
{
    int count = 0;
    ListCell *cell;

    foreach (cell, commands)
        groups[count++] = static_cast<ShardCommand *>(lfirst(cell))->group_id;
    std::sort(groups, groups + count);
    return static_cast<int>(std::unique(groups, groups + count) - groups);
}

/// connections[] belongs to groups[]; each command gets the one of its group.
void
run_on(List *commands, const int32 *groups, int group_count, Connection **connections)
{
    const int count = list_length(commands);
    auto **targets = static_cast<Connection **>(palloc(sizeof(Connection *) * count));
    auto **sqls = static_cast<const char **>(palloc(sizeof(char *) * count));

    for (int i = 0; i < count; i++) {
        const auto *command = static_cast<ShardCommand *>(list_nth(commands, i));

        targets[i] =
            connections[std::lower_bound(groups, groups + group_count, command->group_id) - groups];
        sqls[i] = command->sql;
    }
    run_commands(targets, sqls, count);
}

} // namespace

List *
append_shard_command(List *commands, int32 group_id, const char *sql)
{
    auto *command = static_cast<ShardCommand *>(palloc(sizeof(ShardCommand)));

    command->group_id = group_id;
    command->sql = sql;
    return lappend(commands, command);
}

void
run_shard_commands(List *commands, Access access, Oid table)
{
    if (commands == NIL)
        return;

    const int count = list_length(commands);
    auto *groups = static_cast<int32 *>(palloc(sizeof(int32) * count));
    auto **connections = static_cast<Connection **>(palloc(sizeof(Connection *) * count));
    const int group_count = collect_groups(commands, groups);

    claim_connections(groups, group_count, access, table, connections);
    run_on(commands, groups, group_count, connections);
}

void
run_shard_commands_detached(List *commands)
{
    if (commands == NIL)
        return;

    const int count = list_length(commands);
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecmesh detached", ALLOCSET_SMALL_SIZES);
    auto *groups = static_cast<int32 *>(palloc(sizeof(int32) * count));
    auto **connections = static_cast<Connection **>(palloc(sizeof(Connection *) * count));
    const int group_count = collect_groups(commands, groups);

    for (int i = 0; i < group_count; i++) {
        const ClusterNode *node = get_group_primary(groups[i]);

        connections[i] = open_detached_connection(node->host, node->port, node->dbname, context);
    }
    run_on(commands, groups, group_count, connections);
    MemoryContextDelete(context);
}

} // namespace vecmesh
