// SPDX-License-Identifier: PostgreSQL
//
// CREATE INDEX, DROP INDEX and REINDEX: first on the empty local table, where PostgreSQL checks the
// command and gives the index its name and definition, then on every shard, all workers at once.
//
// CREATE INDEX CONCURRENTLY cannot be undone on the workers that have it when another one fails.
// While it runs, and after it failed, the local index is marked invalid, as PostgreSQL marks a
// half-built one: DROP INDEX removes it from wherever it is.
#include "pg/postgres.hpp"

#include "ddl/pinned_settings.hpp"
#include "ddl/shard_commands.hpp"
#include "ddl/shard_ddl.hpp"
#include "ddl/utility_hook.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace vecmesh
{

namespace
{

List *
index_list(Oid relation_id)
{
    Relation relation = table_open(relation_id, AccessShareLock);
    List *indexes = list_copy(RelationGetIndexList(relation));

    table_close(relation, AccessShareLock);
    return indexes;
}

/// The one index that is in the table's list now and was not before; InvalidOid when there is none.
Oid
new_index(Oid relation, const List *before)
{
    ListCell *cell;

    foreach (cell, index_list(relation))
        if (!list_member_oid(before, lfirst_oid(cell)))
            return lfirst_oid(cell);
    return InvalidOid;
}

/// IF NOT EXISTS of an index that exists: PostgreSQL's notice is all there is to do.
bool
exists_already(const IndexStmt *statement, Oid relation)
{
    return statement->if_not_exists && statement->idxname != nullptr &&
           OidIsValid(get_relname_relid(statement->idxname, get_rel_namespace(relation)));
}

/// Before anything is built: CONCURRENTLY leaves no way back.
void
check_unique(const IndexStmt *statement, const DistributedTable *table)
{
    const char *column = get_attname(table->relation, table->column, false);
    ListCell *cell;

    if (!statement->unique)
        return;
    foreach (cell, statement->indexParams) {
        const auto *element = lfirst_node(IndexElem, cell);

        if (element->name != nullptr && strcmp(element->name, column) == 0)
            return;
    }
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a unique index on distributed table \"%s\" must contain the "
                           "distribution column \"%s\"",
                           get_rel_name(table->relation), column),
                    errdetail("Each worker checks its own rows only."),
                    errhint("Add column \"%s\" to the index, or make it not unique.", column)));
}

List *
index_commands(const DistributedTable *table, Oid index, bool concurrently)
{
    List *commands = NIL;

    for (int i = 0; i < table->shard_count; i++)
        commands = append_shard_command(
            commands, table->shards[i].group_id,
            shard_index_command(index, table->shards[i].shard_id, concurrently));
    return commands;
}

/// Sets indisvalid in a transaction of its own.
void
set_valid_and_commit(Oid index, bool valid)
{
    PushActiveSnapshot(GetTransactionSnapshot());
    index_set_state_flags(index, valid ? INDEX_CREATE_SET_VALID : INDEX_DROP_CLEAR_VALID);
    PopActiveSnapshot();
    CommitTransactionCommand();
    StartTransactionCommand();
}

void
create_index_concurrently(const UtilityCall &call, Oid relation, const List *before)
{
    begin_quiet_command();
    run_local(call); // ends in a new transaction
    end_quiet_command();

    const Oid index = new_index(relation, before);

    if (!OidIsValid(index))
        return;
    set_valid_and_commit(index, false);
    run_shard_commands_detached(index_commands(get_distributed_table(relation), index, true));
    set_valid_and_commit(index, true);
}

List *
append_drop_commands(List *commands, const DistributedTable *table, Oid index)
{
    for (int i = 0; i < table->shard_count; i++)
        commands =
            append_shard_command(commands, table->shards[i].group_id,
                                 psprintf("DROP INDEX IF EXISTS %s",
                                          shard_index_name(index, table->shards[i].shard_id)));
    return commands;
}

bool
wants_concurrently(List *options)
{
    ListCell *cell;

    foreach (cell, options) {
        auto *option = lfirst_node(DefElem, cell);

        if (strcmp(option->defname, "concurrently") == 0)
            return defGetBoolean(option);
    }
    return false;
}

[[noreturn]] void
refuse_concurrently(const char *command, const DistributedTable *table)
{
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("%s CONCURRENTLY is not supported on distributed table \"%s\"", command,
                           get_rel_name(table->relation)),
                    errhint("Use %s without CONCURRENTLY.", command)));
}

} // namespace

bool
create_index(const UtilityCall &call)
{
    const auto *statement = castNode(IndexStmt, call.statement->utilityStmt);
    const Oid relation = find_table_oid(statement->relation);
    const DistributedTable *table = find_distributed_table(relation);

    if (table == nullptr) {
        run_local_watching(call, list_make1_oid(relation));
        return true;
    }
    if (exists_already(statement, relation))
        return false;
    check_unique(statement, table);

    MemoryContext old = MemoryContextSwitchTo(PortalContext); // outlives CONCURRENTLY's commits
    const List *before = index_list(relation);

    MemoryContextSwitchTo(old);
    if (statement->concurrent) {
        create_index_concurrently(call, relation, before);
        return true;
    }
    run_local_quietly(call);

    const Oid index = new_index(relation, before);

    if (OidIsValid(index))
        run_shard_commands(index_commands(table, index, false), Access::write, relation);
    return true;
}

bool
drop_index(const UtilityCall &call)
{
    const auto *statement = castNode(DropStmt, call.statement->utilityStmt);
    List *commands = NIL;
    List *local_tables = NIL;
    ListCell *cell;

    if (statement->removeType != OBJECT_INDEX)
        return false;
    foreach (cell, statement->objects) {
        const RangeVar *name = makeRangeVarFromNameList(static_cast<List *>(lfirst(cell)));
        const Oid index = RangeVarGetRelid(name, NoLock, true);

        if (!OidIsValid(index) || get_rel_relkind(index) != RELKIND_INDEX)
            continue; // PostgreSQL will say so

        const Oid relation = IndexGetRelation(index, true);
        const DistributedTable *table = find_distributed_table(relation);

        if (table == nullptr)
            local_tables = lappend_oid(local_tables, relation);
        else if (statement->concurrent)
            refuse_concurrently("DROP INDEX", table);
        else
            commands = append_drop_commands(commands, table, index);
    }
    if (statement->concurrent)
        return false;
    run_local_watching(call, local_tables);
    run_shard_commands(commands, Access::write, InvalidOid);
    return true;
}

bool
reindex(const UtilityCall &call)
{
    const auto *statement = castNode(ReindexStmt, call.statement->utilityStmt);
    const DistributedTable *table = find_named_table(statement->relation);
    const bool one_index = statement->kind == REINDEX_OBJECT_INDEX;
    List *commands = NIL;

    if (table == nullptr)
        return false;
    if (wants_concurrently(statement->params))
        refuse_concurrently("REINDEX", table);

    const Oid index = RangeVarGetRelid(statement->relation, NoLock, false);

    for (int i = 0; i < table->shard_count; i++) {
        const int64 shard_id = table->shards[i].shard_id;

        commands = append_shard_command(
            commands, table->shards[i].group_id,
            psprintf("REINDEX %s %s", one_index ? "INDEX" : "TABLE",
                     one_index ? shard_index_name(index, shard_id)
                               : shard_qualified_name(table->relation, shard_id)));
    }
    run_local_quietly(call);
    run_shard_commands(commands, Access::write, table->relation);
    return true;
}

} // namespace vecmesh
