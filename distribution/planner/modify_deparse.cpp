// SPDX-License-Identifier: PostgreSQL
//
// Writes as SQL for a shard: what follows the shard's name in an UPDATE or DELETE that is sent
// whole, and the ON CONFLICT clause of an INSERT. README.md, rules W2 and W3.
#include "pg/postgres.hpp"

#include "planner/modify_plan.hpp"
#include "planner/pruning.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/ruleutils.h"
}

namespace vecmesh
{

namespace
{

/// Assignments and condition of a write, folded as the planner folds them.
struct FoldedWrite {
    Oid relation;
    Index varno;
    List *assignments; // TargetEntry, resno = attribute number; UPDATE only
    List *conditions;  // implicitly ANDed
};

FoldedWrite
fold_write(const Query *query)
{
    FoldedWrite write = {};
    write.relation = rt_fetch(query->resultRelation, query->rtable)->relid;
    write.varno = query->resultRelation;
    ListCell *cell;
    foreach (cell, query->commandType == CMD_UPDATE ? query->targetList : NIL) {
        auto *entry = lfirst_node(TargetEntry, cell);
        if (entry->resjunk)
            continue;
        auto *folded = flatCopyTargetEntry(entry);
        folded->expr = reinterpret_cast<Expr *>(
            eval_const_expressions(nullptr, reinterpret_cast<Node *>(entry->expr)));
        write.assignments = lappend(write.assignments, folded);
    }
    Node *condition = eval_const_expressions(nullptr, query->jointree->quals);
    condition =
        reinterpret_cast<Node *>(canonicalize_qual(reinterpret_cast<Expr *>(condition), false));
    write.conditions = make_ands_implicit(reinterpret_cast<Expr *>(condition));
    fix_opfuncids(reinterpret_cast<Node *>(write.assignments));
    fix_opfuncids(reinterpret_cast<Node *>(write.conditions));
    return write;
}

bool
all_shippable(const FoldedWrite &write)
{
    const ShipScope scope = {write.varno, nullptr};
    ListCell *cell;
    foreach (cell, write.assignments)
        if (!is_shippable(reinterpret_cast<Node *>(lfirst_node(TargetEntry, cell)->expr), scope))
            return false;
    foreach (cell, write.conditions)
        if (!is_shippable(static_cast<Node *>(lfirst(cell)), scope))
            return false;
    return true;
}

/// WHERE false: the planner's own plan asks no worker.
bool
never_true(const FoldedWrite &write)
{
    if (list_length(write.conditions) != 1 || !IsA(linitial(write.conditions), Const))
        return false;
    const auto *constant = linitial_node(Const, write.conditions);
    return constant->constisnull || !DatumGetBool(constant->constvalue);
}

const char *
column_name(Oid relation, AttrNumber column)
{
    return quote_identifier(get_attname(relation, column, false));
}

// ----- ON CONFLICT -------------------------------------------------------------------------------

/// The planned clause numbers the target by its range table index and EXCLUDED as INNER_VAR.
struct ConflictClause {
    const ModifyTable *modify;
    Oid relation;
    Index varno;
    ValueList *values;
};

[[noreturn]] void
raise_not_shippable(Oid relation)
{
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("ON CONFLICT DO UPDATE on distributed table \"%s\" uses an expression that "
                    "workers cannot evaluate",
                    get_rel_name(relation)),
             errdetail("Workers evaluate immutable functions and operators that are built in or "
                       "belong to extension \"vector\", over columns and EXCLUDED."),
             errhint("Compute the value in the inserted row and refer to it as EXCLUDED.column.")));
}

char *
deparse_conflict_expression(const ConflictClause &clause, Node *expression)
{
    // Only the planner's INNER_VAR marks EXCLUDED: as an outer relation its columns are shippable.
    // INNER_VAR is no member a Bitmapset could hold, so it gets the number after the target's.
    const Index excluded = clause.varno + 1;
    Node *node = static_cast<Node *>(copyObject(expression));
    ChangeVarNodes(node, INNER_VAR, excluded, 0);
    const ShipScope scope = {clause.varno, bms_make_singleton(excluded)};
    if (!is_shippable(node, scope))
        raise_not_shippable(clause.relation);
    char *text =
        deparse_conflict_for_worker(node, clause.relation, clause.varno, excluded, clause.values);
    if (contain_var_clause(reinterpret_cast<Node *>(clause.values->expressions)))
        raise_not_shippable(clause.relation);
    return text;
}

/// "(a, b) WHERE predicate": columns that infer the index on the shard.
void
append_conflict_target(StringInfo sql, Oid index_oid, Oid relation)
{
    Relation index = index_open(index_oid, AccessShareLock);
    if (index->rd_index->indisexclusion)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("ON CONFLICT ON CONSTRAINT with an exclusion constraint is not "
                               "supported on distributed table \"%s\"",
                               get_rel_name(relation)),
                        errhint("Leave out the constraint: ON CONFLICT DO NOTHING.")));
    appendStringInfo(sql, " (%s)",
                     pg_get_indexdef_columns_extended(index_oid, RULE_INDEXDEF_KEYS_ONLY));
    List *predicate = RelationGetIndexPredicate(index);
    if (predicate != NIL)
        appendStringInfo(sql, " WHERE %s",
                         deparse_expression(reinterpret_cast<Node *>(make_ands_explicit(predicate)),
                                            deparse_context_for(get_rel_name(relation), relation),
                                            false, true));
    index_close(index, AccessShareLock);
}

void
append_conflict_update(StringInfo sql, const ConflictClause &clause)
{
    const char *separator = " DO UPDATE SET ";
    ListCell *entry_cell;
    ListCell *column_cell;
    forboth(entry_cell, clause.modify->onConflictSet, column_cell, clause.modify->onConflictCols)
    {
        auto *expression = reinterpret_cast<Node *>(lfirst_node(TargetEntry, entry_cell)->expr);
        appendStringInfo(sql, "%s%s = %s", separator,
                         column_name(clause.relation, lfirst_int(column_cell)),
                         deparse_conflict_expression(clause, expression));
        separator = ", ";
    }
    if (clause.modify->onConflictWhere == nullptr)
        return;
    // the planner leaves an implicitly ANDed list
    Node *condition = reinterpret_cast<Node *>(
        make_ands_explicit(reinterpret_cast<List *>(clause.modify->onConflictWhere)));
    appendStringInfo(sql, " WHERE %s", deparse_conflict_expression(clause, condition));
}

} // namespace

bool
plan_pushed_write(const Query *query, WritePlan *plan, ValueList *values)
{
    const FoldedWrite write = fold_write(query);
    if (!all_shippable(write) || never_true(write))
        return false;

    const int nest = begin_deparse();
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, " t");
    const char *separator = " SET ";
    ListCell *cell;
    foreach (cell, write.assignments) {
        const auto *entry = lfirst_node(TargetEntry, cell);
        appendStringInfo(&sql, "%s%s = %s", separator, column_name(write.relation, entry->resno),
                         deparse_for_worker(reinterpret_cast<Node *>(entry->expr), write.relation,
                                            write.varno, values));
        separator = ", ";
    }
    const char *condition =
        deparse_conditions_for_worker(write.conditions, write.relation, write.varno, values);
    if (condition != nullptr)
        appendStringInfo(&sql, " WHERE %s", condition);
    end_deparse(nest);

    plan->method = WriteMethod::pushed;
    plan->tail = sql.data;
    plan->pruning = make_pruning_tree(get_distributed_table(write.relation), write.varno,
                                      write.conditions, values);
    return true;
}

char *
deparse_conflict_clause(const ModifyTable *modify, const DistributedTable *table, ValueList *values)
{
    const ConflictClause clause = {
        modify, table->relation, static_cast<Index>(linitial_int(modify->resultRelations)), values};
    const int nest = begin_deparse();
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, " ON CONFLICT");
    if (modify->arbiterIndexes != NIL)
        append_conflict_target(&sql, linitial_oid(modify->arbiterIndexes), table->relation);
    if (modify->onConflictAction == ONCONFLICT_NOTHING)
        appendStringInfoString(&sql, " DO NOTHING");
    else
        append_conflict_update(&sql, clause);
    end_deparse(nest);
    return sql.data;
}

} // namespace vecmesh
