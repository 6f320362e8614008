// SPDX-License-Identifier: PostgreSQL
//
// VACUUM and ANALYZE of named distributed tables: the same command for every shard, all workers at
// once. ANALYZE may run in a transaction block, so it uses the session's connections; VACUUM may
// not, and gets connections of its own. Afterwards pg_class here knows the sums of the shards'
// sizes, from which the planner estimates. Without a table name only local tables are treated:
// workers have their own autovacuum.
#include "pg/postgres.hpp"

#include "ddl/pinned_settings.hpp"
#include "ddl/shard_commands.hpp"
#include "ddl/utility_hook.hpp"

extern "C" {
#include "access/table.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

#include "pg/compat.hpp"

namespace vecmesh
{

namespace
{

/// "VACUUM (full 'true') "
char *
command_head(const VacuumStmt *statement)
{
    const char *separator = " (";
    StringInfoData sql;
    ListCell *cell;

    initStringInfo(&sql);
    appendStringInfoString(&sql, statement->is_vacuumcmd ? "VACUUM" : "ANALYZE");
    foreach (cell, statement->options) {
        auto *option = lfirst_node(DefElem, cell);

        appendStringInfo(&sql, "%s%s", separator, quote_identifier(option->defname));
        if (option->arg != nullptr)
            appendStringInfo(&sql, " %s", quote_literal_cstr(defGetString(option)));
        separator = ", ";
    }
    appendStringInfoString(&sql, separator[0] == ',' ? ") " : " ");
    return sql.data;
}

char *
column_list(List *columns)
{
    const char *separator = " (";
    StringInfoData sql;
    ListCell *cell;

    initStringInfo(&sql);
    foreach (cell, columns) {
        appendStringInfo(&sql, "%s%s", separator, quote_identifier(strVal(lfirst(cell))));
        separator = ", ";
    }
    if (columns != NIL)
        appendStringInfoChar(&sql, ')');
    return sql.data;
}

struct Sizes {
    int64 pages;
    double rows;
};

/// Sums over the shards of one group.
void
add_sizes(const DistributedTable *table, int32 group, Sizes *sizes)
{
    const char *separator = "SELECT sum(relpages), sum(greatest(reltuples, 0))"
                            " FROM pg_class WHERE oid = ANY (ARRAY[";
    Connection *connection;
    StringInfoData sql;

    initStringInfo(&sql);
    for (int i = 0; i < table->shard_count; i++) {
        if (table->shards[i].group_id != group)
            continue;
        appendStringInfo(
            &sql, "%s%s::regclass::oid", separator,
            quote_literal_cstr(shard_qualified_name(table->relation, table->shards[i].shard_id)));
        separator = ", ";
    }
    appendStringInfoString(&sql, "])");
    claim_connections(&group, 1, Access::read, table->relation, &connection);

    const PGresult *result = run_query(connection, sql.data, CurrentMemoryContext);

    sizes->pages += strtoll(PQgetvalue(result, 0, 0), nullptr, 10);
    sizes->rows += strtod(PQgetvalue(result, 0, 1), nullptr);
}

void
store_sizes(Oid relation_id)
{
    if (!ConditionalLockRelationOid(relation_id, ShareUpdateExclusiveLock))
        return; // somebody else is at it

    const DistributedTable *table = find_distributed_table(relation_id);
    Sizes sizes = {0, 0};

    if (table == nullptr)
        return;
    for (int i = 0; i < table->group_count; i++)
        add_sizes(table, table->groups[i], &sizes);

    Relation relation = table_open(relation_id, NoLock);
    const auto pages =
        static_cast<BlockNumber>(Min(sizes.pages, static_cast<int64>(MaxBlockNumber)));

    pg::set_relation_size_statistics(relation, pages, sizes.rows);
    table_close(relation, NoLock);
}

} // namespace

bool
vacuum(const UtilityCall &call)
{
    const auto *statement = castNode(VacuumStmt, call.statement->utilityStmt);
    const bool detached = statement->is_vacuumcmd;
    MemoryContext context = CurrentMemoryContext;
    List *commands = NIL;
    List *relations = NIL;
    ListCell *cell;

    foreach (cell, statement->rels) {
        const auto *target = lfirst_node(VacuumRelation, cell);
        const DistributedTable *table = find_named_table(target->relation);

        // PostgreSQL skips what this user has no right to, with a warning.
        if (table == nullptr || !pg::may_vacuum(table->relation, GetUserId()))
            continue;
        relations = lappend_oid(relations, table->relation);
        for (int i = 0; i < table->shard_count; i++)
            commands = append_shard_command(
                commands, table->shards[i].group_id,
                psprintf("%s%s%s", command_head(statement),
                         shard_qualified_name(table->relation, table->shards[i].shard_id),
                         column_list(target->va_cols)));
    }
    if (commands == NIL)
        return false;

    begin_quiet_command();
    run_local(call); // VACUUM ends in a new transaction
    end_quiet_command();
    MemoryContextSwitchTo(context); // the portal's: it lives on
    if (!detached) {
        run_shard_commands(commands, Access::read, InvalidOid);
    } else {
        PushActiveSnapshot(GetTransactionSnapshot());
        run_shard_commands_detached(commands);
    }
    foreach (cell, relations)
        store_sizes(lfirst_oid(cell));
    if (detached)
        PopActiveSnapshot();
    return true;
}

} // namespace vecmesh
