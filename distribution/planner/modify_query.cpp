// SPDX-License-Identifier: PostgreSQL
//
// The statement before planning. A data-modifying statement is either the statement itself or a
// member of its WITH list; PostgreSQL allows them nowhere else.
//
// All parts of one statement must see the tables as they were before it. Workers know nothing of
// our statement: a scan started after a write of the same transaction sees that write. What order
// of execution can guarantee (README, rules W5 and W6) is done in that order; the rest is refused
// here.
#include "pg/postgres.hpp"

#include "planner/modify_query.hpp"

#include "catalog/metadata.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"

extern "C" {
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
}

namespace vecmesh
{

namespace
{

Oid
target_relation(const Query *query)
{
    if (query->resultRelation == 0)
        return InvalidOid;
    return rt_fetch(query->resultRelation, query->rtable)->relid;
}

bool
writes_distributed_table(const Query *query)
{
    return query->commandType != CMD_SELECT && query->commandType != CMD_UTILITY &&
           query->resultRelation != 0 && find_distributed_table(target_relation(query)) != nullptr;
}

struct ReaderCount {
    Oid relation;
    bool skip_modifying_ctes;
    int count;
};

/// Counts the range table entries, target aside, that read the relation in a query and below.
VX_CALLBACK(bool, count_readers_walker, (Node * node, ReaderCount *readers), (node, readers))
{
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return pg::walk_expression(node, count_readers_walker, readers);

    auto *query = castNode(Query, node);
    int index = 0;
    ListCell *cell;
    foreach (cell, query->rtable) {
        const auto *rte = lfirst_node(RangeTblEntry, cell);
        index++;
        // EXCLUDED is an entry for the same relation, marked as a composite type
        if (index != query->resultRelation && rte->rtekind == RTE_RELATION &&
            rte->relkind == RELKIND_RELATION && rte->relid == readers->relation)
            readers->count++;
    }
    if (!readers->skip_modifying_ctes)
        return pg::walk_query(query, count_readers_walker, readers, 0);

    readers->skip_modifying_ctes = false;
    foreach (cell, query->cteList) {
        auto *cte = lfirst_node(CommonTableExpr, cell);
        if (castNode(Query, cte->ctequery)->commandType == CMD_SELECT)
            count_readers_walker(cte->ctequery, readers);
    }
    return pg::walk_query(query, count_readers_walker, readers, QTW_IGNORE_CTE_SUBQUERIES);
}

int
count_readers(Query *query, Oid relation, bool skip_modifying_ctes)
{
    ReaderCount readers = {relation, skip_modifying_ctes, 0};
    count_readers_walker(reinterpret_cast<Node *>(query), &readers);
    return readers.count;
}

VX_CALLBACK(bool, contains_current_of_walker, (Node * node, void *unused), (node, unused))
{
    if (node == nullptr)
        return false;
    if (IsA(node, CurrentOfExpr))
        return true;
    return pg::walk_expression(node, contains_current_of_walker, unused);
}

/// RETURNING old.column or new.column, at any depth.
VX_CALLBACK(bool, contains_old_or_new_walker, (Node * node, void *unused), (node, unused))
{
    if (node == nullptr)
        return false;
    if (IsA(node, Var))
        return pg::is_old_or_new(reinterpret_cast<const Var *>(node));
    if (IsA(node, Query))
        return pg::walk_query(castNode(Query, node), contains_old_or_new_walker, unused, 0);
    return pg::walk_expression(node, contains_old_or_new_walker, unused);
}

[[noreturn]] void
raise_same_statement(const char *relation_name)
{
    ereport(
        ERROR,
        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
         errmsg("cannot write to distributed table \"%s\" and read it elsewhere in one statement",
                relation_name),
         errhint("Use separate statements in one transaction.")));
}

/// Refuses statements in which a part would see what another part has written.
void
check_statement_readers(Query *statement, Query *query, WriteTarget *target)
{
    const bool is_top = query == statement;
    const int own = count_readers(query, target->relation, is_top);
    if (own < target->readers ||
        (own > 0 && checkExprHasSubLink(reinterpret_cast<Node *>(query->returningList))))
        raise_same_statement(get_rel_name(target->relation));

    // The CTE's write would come in the middle of the statement's own scan of the table.
    if (is_top && target->writers > 1 && query->commandType != CMD_INSERT)
        ereport(
            ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("cannot update or delete rows of distributed table \"%s\" that a WITH query of "
                    "the same statement writes to",
                    get_rel_name(target->relation)),
             errhint("Use separate statements in one transaction.")));
}

/// True for `column = column` and, in ON CONFLICT, `column = EXCLUDED.column`: the conflicting row
/// has the same value, since every unique index contains the distribution column.
bool
keeps_column(const TargetEntry *entry, const Query *query, AttrNumber column)
{
    if (!IsA(entry->expr, Var))
        return false;
    const auto *var = reinterpret_cast<const Var *>(entry->expr);
    if (var->varlevelsup != 0 || var->varattno != column)
        return false;
    return var->varno == query->resultRelation ||
           (query->onConflict != nullptr && var->varno == query->onConflict->exclRelIndex);
}

void
check_distribution_column_kept(const Query *query, List *assignments, const DistributedTable *table)
{
    ListCell *cell;
    foreach (cell, assignments) {
        const auto *entry = lfirst_node(TargetEntry, cell);
        if (entry->resjunk || entry->resno != table->column ||
            keeps_column(entry, query, table->column))
            continue;
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("cannot change the distribution column \"%s\" of table \"%s\"",
                        get_attname(table->relation, table->column, false),
                        get_rel_name(table->relation)),
                 errhint("The value decides which shard holds the row: delete the row and insert "
                         "the new one.")));
    }
}

/// Only the target in FROM, nothing that needs other tables, no checks to be made here.
bool
may_be_pushed(const Query *query)
{
    if (query->hasSubLinks || query->withCheckOptions != NIL || query->hasTargetSRFs)
        return false;
    const List *from = query->jointree->fromlist;
    return list_length(from) == 1 && IsA(linitial(from), RangeTblRef) &&
           linitial_node(RangeTblRef, from)->rtindex == query->resultRelation;
}

/// Adds the junk column that tells the row's shard, cmin by name: the scan of a distributed table
/// answers it with the index of the shard and locks the rows it hands out (README, rule W4).
void
add_shard_column(Query *query, int number)
{
    Var *var =
        makeVar(query->resultRelation, MinCommandIdAttributeNumber, CIDOID, -1, InvalidOid, 0);
    AttrNumber resno = 0;
    ListCell *cell;
    foreach (cell, query->targetList)
        resno = Max(resno, lfirst_node(TargetEntry, cell)->resno);
    query->targetList = lappend(
        query->targetList, makeTargetEntry(reinterpret_cast<Expr *>(var), resno + 1,
                                           psprintf("%s%d", kShardColumnPrefix, number), true));
}

void
check_operation(const Query *query, const DistributedTable *table)
{
    if (query->commandType == CMD_MERGE)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("MERGE into distributed table \"%s\" is not supported",
                               get_rel_name(table->relation)),
                        errhint("Use INSERT ... ON CONFLICT, UPDATE or DELETE.")));
    if (contains_current_of_walker(query->jointree->quals, nullptr))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("WHERE CURRENT OF is not supported on distributed table \"%s\"",
                               get_rel_name(table->relation)),
                        errhint("Name the row by its key.")));
    if (contains_old_or_new_walker(reinterpret_cast<Node *>(query->returningList), nullptr))
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("OLD and NEW in RETURNING are not supported on distributed table \"%s\"",
                        get_rel_name(table->relation)),
                 errhint("Name the columns alone.")));
    if (query->commandType == CMD_UPDATE)
        check_distribution_column_kept(query, query->targetList, table);
    else if (query->onConflict != nullptr)
        check_distribution_column_kept(query, query->onConflict->onConflictSet, table);
}

void
prepare_write(Query *statement, Query *query, StatementWrites *writes)
{
    const DistributedTable *table = get_distributed_table(target_relation(query));
    WriteTarget *target = find_write_target(*writes, table->relation);
    check_operation(query, table);
    check_statement_readers(statement, query, target);
    if (query->onConflict != nullptr)
        query->onConflict->onConflictSet = add_generated_assignments(
            query->onConflict->onConflictSet, table->relation, query->resultRelation);
    if (query->commandType == CMD_INSERT)
        return;
    if (query->commandType == CMD_UPDATE)
        query->targetList =
            add_generated_assignments(query->targetList, table->relation, query->resultRelation);

    auto *pending = static_cast<PendingWrite *>(palloc0(sizeof(PendingWrite)));
    if (may_be_pushed(query) && target->writers == 1)
        pending->pushable = static_cast<Query *>(copyObject(query));
    add_shard_column(query, list_length(writes->pending));
    writes->pending = lappend(writes->pending, pending);
}

void
add_target(Query *statement, const Query *query, StatementWrites *writes)
{
    const Oid relation = target_relation(query);
    WriteTarget *target = find_write_target(*writes, relation);
    if (target == nullptr) {
        target = static_cast<WriteTarget *>(palloc(sizeof(WriteTarget)));
        *target = {relation, 0, count_readers(statement, relation, false)};
        writes->targets = lappend(writes->targets, target);
    }
    target->writers++;
}

} // namespace

WriteTarget *
find_write_target(const StatementWrites &writes, Oid relation)
{
    ListCell *cell;
    foreach (cell, writes.targets) {
        auto *target = static_cast<WriteTarget *>(lfirst(cell));
        if (target->relation == relation)
            return target;
    }
    return nullptr;
}

bool
prepare_statement_writes(Query *statement, StatementWrites *writes)
{
    *writes = {NIL, NIL};
    List *queries = NIL;
    ListCell *cell;
    if (statement->hasModifyingCTE) {
        foreach (cell, statement->cteList) {
            auto *query = castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery);
            if (writes_distributed_table(query))
                queries = lappend(queries, query);
        }
    }
    if (writes_distributed_table(statement))
        queries = lappend(queries, statement);

    foreach (cell, queries)
        add_target(statement, lfirst_node(Query, cell), writes);
    foreach (cell, queries)
        prepare_write(statement, lfirst_node(Query, cell), writes);
    return queries != NIL;
}

} // namespace vecmesh
