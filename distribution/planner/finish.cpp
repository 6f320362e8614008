// SPDX-License-Identifier: PostgreSQL
//
// Once standard_planner() is done, every Vecmesh Scan knows its final target list. Here it is cut
// in two: what the workers compute becomes a column of the remote result (and of the scan tuple),
// what is left reads these columns. Then the pieces of SQL are written. The executor only strings
// them together, so that a cached plan costs no deparsing.
//
// REQUIRES: runs exactly once per plan; before it the scan's expressions read the columns of
// custom_scan_tlist by INDEX_VAR, and after it too, but of another one.
#include "pg/postgres.hpp"

#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "planner/planner.hpp"
#include "planner/pruning.hpp"
#include "planner/scan_plan.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

struct Finisher {
    CustomScan *scan;
    Oid relation;
    Index varno;
    bool may_compute; ///< the workers check every condition, so they may compute every output
    int conditional_depth;
    List *tuple; ///< the new custom_scan_tlist
    ScanPlan plan;
    ValueList values;
};

// ----- remote columns --------------------------------------------------------------------------

int
add_column(Finisher *finisher, const char *sql, Oid type, int32 typmod)
{
    int i = 0;
    ListCell *cell;
    foreach (cell, finisher->plan.columns) {
        if (strcmp(strVal(lfirst(cell)), sql) == 0)
            return i;
        i++;
    }
    finisher->plan.columns = lappend(finisher->plan.columns, makeString(pstrdup(sql)));
    finisher->plan.column_types = lappend_oid(finisher->plan.column_types, type);
    finisher->plan.column_typmods = lappend_int(finisher->plan.column_typmods, typmod);
    return i;
}

int
add_attribute(Finisher *finisher, const Var *var)
{
    if (var->varattno == MinCommandIdAttributeNumber)
        return add_column(finisher, "", CIDOID, -1);
    const char *name = get_attname(finisher->relation, var->varattno, false);
    return add_column(finisher, psprintf("t.%s", quote_identifier(name)), var->vartype,
                      var->vartypmod);
}

/// All columns of the relation, of which the executor makes the row: its type's oid differs from
/// node to node.
void
add_whole_row(Finisher *finisher)
{
    if (finisher->plan.row_columns != NIL)
        return;
    Relation relation = table_open(finisher->relation, NoLock);
    const TupleDesc descriptor = RelationGetDescr(relation);
    for (int i = 0; i < descriptor->natts; i++) {
        const FormData_pg_attribute *attribute = TupleDescAttr(descriptor, i);
        int column = -1;
        if (!attribute->attisdropped)
            column = add_column(finisher,
                                psprintf("t.%s", quote_identifier(NameStr(attribute->attname))),
                                attribute->atttypid, attribute->atttypmod);
        finisher->plan.row_columns = lappend_int(finisher->plan.row_columns, column);
    }
    table_close(relation, NoLock);
}

int
add_source(Finisher *finisher, ::Node *expression)
{
    if (IsA(expression, Var)) {
        const auto *var = castNode(Var, expression);
        if (var->varattno == TableOidAttributeNumber)
            return kFromTableOid;
        if (var->varattno != InvalidAttrNumber)
            return add_attribute(finisher, var);
        add_whole_row(finisher);
        return kFromWholeRow;
    }
    const char *sql =
        deparse_for_worker(expression, finisher->relation, finisher->varno, &finisher->values);
    return add_column(finisher, sql, exprType(expression), exprTypmod(expression));
}

/// The column of the scan tuple that holds the expression; made when there is none yet.
TargetEntry *
add_tuple_column(Finisher *finisher, ::Node *expression)
{
    ListCell *cell;
    foreach (cell, finisher->tuple) {
        auto *entry = lfirst_node(TargetEntry, cell);
        if (equal(entry->expr, expression))
            return entry;
    }
    const int source = add_source(finisher, expression);
    auto *entry = makeTargetEntry(reinterpret_cast<Expr *>(expression),
                                  list_length(finisher->tuple) + 1, nullptr, false);
    finisher->tuple = lappend(finisher->tuple, entry);
    finisher->plan.sources = lappend_int(finisher->plan.sources, source);
    return entry;
}

::Node *
read_tuple_column(Finisher *finisher, ::Node *expression)
{
    Var *var = makeVarFromTargetEntry(INDEX_VAR, add_tuple_column(finisher, expression));
    var->varnosyn = 0;
    var->varattnosyn = 0;
    return reinterpret_cast<::Node *>(var);
}

// ----- rewriting the scan's expressions --------------------------------------------------------

/// Back from columns of the old scan tuple to columns of the relation.
VX_CALLBACK(::Node *, expand_mutator, (::Node * node, CustomScan *scan), (node, scan))
{
    if (node == nullptr)
        return nullptr;
    if (IsA(node, Var) && castNode(Var, node)->varno == INDEX_VAR) {
        const auto *entry =
            list_nth_node(TargetEntry, scan->custom_scan_tlist, castNode(Var, node)->varattno - 1);
        return static_cast<::Node *>(copyObjectImpl(entry->expr));
    }
    return pg::mutate_expression(node, expand_mutator, scan);
}

bool
is_worth_computing(const Finisher *finisher, ::Node *node)
{
    if (!finisher->may_compute || finisher->conditional_depth > 0)
        return false;
    ::Node *inner = node;
    while (IsA(inner, RelabelType))
        inner = reinterpret_cast<::Node *>(castNode(RelabelType, inner)->arg);
    if (IsA(inner, Var) || IsA(node, List) || IsA(node, TargetEntry) || IsA(node, CaseWhen) ||
        pg::is_json_clause(node))
        return false;
    return mentions_relation(node, finisher->varno) &&
           is_shippable(node, ShipScope{finisher->varno, nullptr});
}

/// From columns of the relation to columns of the new scan tuple, the largest shippable pieces
/// first.
VX_CALLBACK(::Node *, project_mutator, (::Node * node, Finisher *finisher), (node, finisher))
{
    if (node == nullptr)
        return nullptr;
    if (IsA(node, Var))
        return read_tuple_column(finisher, node);
    if (is_worth_computing(finisher, node))
        return read_tuple_column(finisher, node);
    const int step = is_conditional(node) ? 1 : 0;
    finisher->conditional_depth += step;
    ::Node *result = pg::mutate_expression(node, project_mutator, finisher);
    finisher->conditional_depth -= step;
    return result;
}

List *
expand(CustomScan *scan, List *expressions)
{
    return reinterpret_cast<List *>(expand_mutator(reinterpret_cast<::Node *>(expressions), scan));
}

List *
project(Finisher *finisher, List *expressions, bool may_compute)
{
    finisher->may_compute = may_compute;
    return reinterpret_cast<List *>(
        project_mutator(reinterpret_cast<::Node *>(expressions), finisher));
}

int
add_limit_value(Finisher *finisher, void *expression)
{
    return expression == nullptr ? -1
                                 : add_value(&finisher->values, static_cast<Expr *>(expression));
}

void
add_sort_keys(Finisher *finisher, const ScanRequest &request, const List *expressions)
{
    finisher->plan.sort = request.sort;
    ListCell *cell;
    foreach (cell, expressions) {
        const TargetEntry *entry = add_tuple_column(finisher, static_cast<::Node *>(lfirst(cell)));
        finisher->plan.sort_columns = lappend_int(finisher->plan.sort_columns, entry->resno);
    }
}

void
add_limit(Finisher *finisher, const ScanRequest &request, const List *expressions)
{
    finisher->plan.limited = request.limited;
    finisher->plan.limit_count = -1;
    finisher->plan.limit_offset = -1;
    if (!request.limited)
        return;
    finisher->plan.limit_count = add_limit_value(finisher, linitial(expressions));
    finisher->plan.limit_offset = add_limit_value(finisher, lsecond(expressions));
}

void
finish_scan(CustomScan *scan, const RangeTblEntry *rte)
{
    const int nest = begin_deparse();
    const ScanRequest request = read_request(scan->custom_private);
    List *exprs = expand(scan, scan->custom_exprs);
    auto *conditions = static_cast<List *>(list_nth(exprs, kRequestConditions));
    List *targets = expand(scan, scan->scan.plan.targetlist);
    List *quals = expand(scan, scan->scan.plan.qual);

    Finisher finisher = {};
    finisher.scan = scan;
    finisher.relation = rte->relid;
    finisher.varno = scan->scan.scanrelid;
    scan->scan.plan.targetlist = project(&finisher, targets, quals == NIL);
    scan->scan.plan.qual = project(&finisher, quals, false);
    add_sort_keys(&finisher, request, static_cast<List *>(list_nth(exprs, kRequestSortKeys)));
    finisher.plan.where = deparse_conditions_for_worker(conditions, finisher.relation,
                                                        finisher.varno, &finisher.values);
    add_limit(&finisher, request, static_cast<List *>(list_nth(exprs, kRequestLimit)));
    finisher.plan.locking = request.locking;
    finisher.plan.pruning =
        make_pruning_tree(get_distributed_table(rte->relid), finisher.varno,
                          list_concat_copy(conditions, quals), &finisher.values);
    finisher.plan.sent = finisher.values.sent;
    if (finisher.tuple == NIL)
        add_tuple_column(&finisher,
                         reinterpret_cast<::Node *>(makeVar(finisher.varno, TableOidAttributeNumber,
                                                            OIDOID, -1, InvalidOid, 0)));

    scan->custom_scan_tlist = finisher.tuple;
    scan->custom_exprs = list_make2(finisher.values.expressions, conditions);
    scan->custom_private = make_plan_private(finisher.plan);
    end_deparse(nest);
}

// ----- the plan tree ---------------------------------------------------------------------------

void finish_plan(Plan *plan, List *rtable);

void
finish_list(List *plans, List *rtable)
{
    ListCell *cell;
    foreach (cell, plans)
        finish_plan(static_cast<Plan *>(lfirst(cell)), rtable);
}

void
finish_custom(CustomScan *scan, List *rtable)
{
    finish_list(scan->custom_plans, rtable);
    if (scan->methods == &scan_methods && !is_finished(scan->custom_private))
        finish_scan(scan, rt_fetch(scan->scan.scanrelid, rtable));
}

void
finish_plan(Plan *plan, List *rtable)
{
    if (plan == nullptr)
        return;
    switch (nodeTag(plan)) {
    case T_CustomScan:
        finish_custom(reinterpret_cast<CustomScan *>(plan), rtable);
        break;
    case T_Append:
        finish_list(reinterpret_cast<Append *>(plan)->appendplans, rtable);
        break;
    case T_MergeAppend:
        finish_list(reinterpret_cast<MergeAppend *>(plan)->mergeplans, rtable);
        break;
    case T_SubqueryScan:
        finish_plan(reinterpret_cast<SubqueryScan *>(plan)->subplan, rtable);
        break;
    default:
        break;
    }
    finish_plan(plan->lefttree, rtable);
    finish_plan(plan->righttree, rtable);
}

} // namespace

void
finish_scans(PlannedStmt *statement)
{
    finish_plan(statement->planTree, statement->rtable);
    finish_list(statement->subplans, statement->rtable);
}

} // namespace vecmesh
