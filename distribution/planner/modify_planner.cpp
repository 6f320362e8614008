// SPDX-License-Identifier: PostgreSQL
//
// Planning of writes: PostgreSQL plans the statement as if the target were an ordinary table; then
// every ModifyTable over a distributed table is replaced by a CustomScan over the same subplan.
// ModifyTable is only ever the top node of the plan or of a subplan (a data-modifying WITH member).
//
// The CustomScan's scanrelid is the target, so that its scan tuple is a row of the target and the
// RETURNING list, as setrefs.c left it (target columns by varno, others as OUTER_VAR), serves
// unchanged as its target list.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "pg/entry.hpp"
#include "planner/modify_plan.hpp"
#include "planner/modify_query.hpp"

extern "C" {
#include "access/sysattr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
}

#include <cstdlib>
#include <cstring>

namespace vecmesh
{

namespace
{

planner_hook_type previous_planner_hook = nullptr;

/// Finds the junk column of add_shard_column() and its number.
const TargetEntry *
find_shard_column(const List *target_list, int *number)
{
    const size_t prefix = strlen(kShardColumnPrefix);
    ListCell *cell;
    foreach (cell, target_list) {
        const auto *entry = lfirst_node(TargetEntry, cell);
        if (entry->resjunk && entry->resname != nullptr &&
            strncmp(entry->resname, kShardColumnPrefix, prefix) == 0) {
            *number = atoi(entry->resname + prefix);
            return entry;
        }
    }
    elog(ERROR, "could not find the shard column of a write to a distributed table");
    return nullptr;
}

AttrNumber
find_ctid_column(const List *target_list)
{
    ListCell *cell;
    foreach (cell, target_list) {
        const auto *entry = lfirst_node(TargetEntry, cell);
        if (entry->resjunk && entry->resname != nullptr && strcmp(entry->resname, "ctid") == 0)
            return entry->resno;
    }
    elog(ERROR, "could not find junk ctid column");
    return InvalidAttrNumber;
}

void
plan_insert(const ModifyTable *modify, const WriteTarget *target, CustomScan *scan, WritePlan *plan)
{
    plan->method = WriteMethod::insert;
    plan->read_first = target->readers > 0 || target->writers > 1;
    if (modify->onConflictAction == ONCONFLICT_NONE)
        return;
    ValueList values = {NIL, NIL};
    plan->tail = deparse_conflict_clause(modify, get_distributed_table(target->relation), &values);
    plan->sent = values.sent;
    scan->custom_exprs = values.expressions;
    plan->may_skip =
        modify->onConflictAction == ONCONFLICT_NOTHING || modify->onConflictWhere != nullptr;
}

void
plan_rows(const ModifyTable *modify, const StatementWrites &writes, CustomScan *scan,
          WritePlan *plan)
{
    int number;
    const List *columns = outerPlan(modify)->targetlist;
    const TargetEntry *shard = find_shard_column(columns, &number);
    const auto *pending = static_cast<PendingWrite *>(list_nth(writes.pending, number));
    ValueList values = {NIL, NIL};
    if (pending->pushable != nullptr && plan_pushed_write(pending->pushable, plan, &values)) {
        plan->sent = values.sent;
        scan->custom_exprs = values.expressions;
        scan->scan.plan.lefttree = nullptr;
        return;
    }
    plan->method = WriteMethod::rows;
    plan->read_first = true;
    plan->shard_column = shard->resno;
    plan->ctid_column = find_ctid_column(columns);
    if (modify->operation == CMD_UPDATE)
        plan->update_columns = static_cast<List *>(linitial(modify->updateColnosLists));
}

/// What a shard returns is a row's columns; its place and age on the worker mean nothing here.
void
check_returning(List *target_list, Index target, Oid relation)
{
    Bitmapset *columns = nullptr;
    pull_varattnos(reinterpret_cast<::Node *>(target_list), target, &columns);
    int member = -1;
    while ((member = bms_next_member(columns, member)) >= 0) {
        const auto column = static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber);
        if (column >= 0 || column == TableOidAttributeNumber)
            continue;
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("system column \"%s\" of distributed table \"%s\" cannot be returned",
                        get_attname(relation, column, false), get_rel_name(relation)),
                 errhint("Its rows live on the workers; only tableoid is known here.")));
    }
}

/// The RETURNING list as the target list of a scan of the target. PostgreSQL takes every plain Var
/// in such a list for one of the scan's, even when deciding that no projection is needed: those of
/// other relations get a wrapper that changes nothing.
List *
make_target_list(const ModifyTable *modify)
{
    if (modify->returningLists == NIL)
        return NIL;
    auto *list = linitial_node(List, modify->returningLists);
    ListCell *cell;
    foreach (cell, list) {
        auto *entry = lfirst_node(TargetEntry, cell);
        const auto *var = reinterpret_cast<const Var *>(entry->expr);
        if (IsA(var, Var) && var->varno == OUTER_VAR)
            entry->expr = reinterpret_cast<Expr *>(makeRelabelType(
                entry->expr, var->vartype, var->vartypmod, var->varcollid, COERCE_IMPLICIT_CAST));
    }
    return list;
}

Plan *
make_write_scan(const ModifyTable *modify, const StatementWrites &writes, const WriteTarget *target)
{
    const int result_relation = linitial_int(modify->resultRelations);
    auto *scan = makeNode(CustomScan);
    scan->scan.plan = modify->plan;
    scan->scan.plan.type = T_CustomScan;
    scan->scan.plan.targetlist = make_target_list(modify);
    check_returning(scan->scan.plan.targetlist, result_relation, target->relation);
    scan->scan.scanrelid = result_relation;
    scan->custom_relids = bms_make_singleton(result_relation);
    scan->methods = write_scan_methods(modify->operation);

    WritePlan plan = {};
    plan.operation = modify->operation;
    plan.can_set_tag = modify->canSetTag;
    if (modify->withCheckOptionLists != NIL)
        plan.check_options = linitial_node(List, modify->withCheckOptionLists);
    if (modify->operation == CMD_INSERT)
        plan_insert(modify, target, scan, &plan);
    else
        plan_rows(modify, writes, scan, &plan);
    scan->custom_private = encode_write_plan(plan);
    return reinterpret_cast<Plan *>(scan);
}

/// The plan itself, or what replaces it.
Plan *
replace_modify_table(const PlannedStmt *statement, Plan *plan, const StatementWrites &writes)
{
    if (plan == nullptr || !IsA(plan, ModifyTable))
        return plan;
    const auto *modify = castNode(ModifyTable, plan);
    const WriteTarget *target = nullptr;
    ListCell *cell;
    foreach (cell, modify->resultRelations)
        if (target == nullptr)
            target =
                find_write_target(writes, rt_fetch(lfirst_int(cell), statement->rtable)->relid);
    if (target == nullptr)
        return plan;
    if (list_length(modify->resultRelations) != 1)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("cannot write to distributed table \"%s\" as a part of another table",
                        get_rel_name(target->relation))));
    return make_write_scan(modify, writes, target);
}

} // namespace

VX_CALLBACK(PlannedStmt *, plan_writes,
            (Query * query, const char *text, int cursor_options, ParamListInfo parameters),
            (query, text, cursor_options, parameters))
{
    StatementWrites writes = {NIL, NIL};
    const bool wanted = extension_ready() && prepare_statement_writes(query, &writes);
    PlannedStmt *statement = previous_planner_hook != nullptr
                                 ? previous_planner_hook(query, text, cursor_options, parameters)
                                 : standard_planner(query, text, cursor_options, parameters);
    if (!wanted)
        return statement;

    statement->planTree = replace_modify_table(statement, statement->planTree, writes);
    ListCell *cell;
    foreach (cell, statement->subplans)
        lfirst(cell) = replace_modify_table(statement, static_cast<Plan *>(lfirst(cell)), writes);
    return statement;
}

void
register_write_planner()
{
    RegisterCustomScanMethods(write_scan_methods(CMD_INSERT));
    RegisterCustomScanMethods(write_scan_methods(CMD_UPDATE));
    RegisterCustomScanMethods(write_scan_methods(CMD_DELETE));
    previous_planner_hook = planner_hook;
    planner_hook = plan_writes;
}

} // namespace vecmesh
