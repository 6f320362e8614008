// SPDX-License-Identifier: PostgreSQL
//
// Conditions on filter columns that PostgreSQL's planner knows, but before some version does not
// give to an index like ours: `column IN (...)` while the index orders its rows (17 does), and a
// boolean column as a condition of its own (16 does). Here they are added to the paths it made.
//
// Nothing is lost without this: the executor checks what the index does not.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/paths.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/stratnum.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
}

#include "index/ivfrabitq/callbacks.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

static set_rel_pathlist_hook_type previous_hook;

static bool
is_ours(const IndexOptInfo *info)
{
    return reinterpret_cast<void (*)()>(info->amcostestimate) ==
           reinterpret_cast<void (*)()>(cost_estimate_callback());
}

/// The filter column that the expression is; 0: none.
static int
filter_column(IndexOptInfo *info, Node *expression)
{
    for (int column = 1; column < info->nkeycolumns; column++)
        if (match_index_to_operand(expression, column, info))
            return column;
    return 0;
}

static IndexClause *
make_clause(RestrictInfo *source, RestrictInfo *condition, int column)
{
    IndexClause *clause = makeNode(IndexClause);
    clause->rinfo = source;
    clause->indexquals = list_make1(condition);
    clause->lossy = false;
    clause->indexcol = static_cast<AttrNumber>(column);
    clause->indexcols = NIL;
    return clause;
}

/// column OPERATOR ANY (constants)
static IndexClause *
match_array(PlannerInfo *root, IndexOptInfo *info, RestrictInfo *condition)
{
    auto *array = reinterpret_cast<ScalarArrayOpExpr *>(condition->clause);
    if (!array->useOr)
        return nullptr;
    auto *left = static_cast<Node *>(linitial(array->args));
    auto *right = static_cast<Node *>(lsecond(array->args));
    const int column = filter_column(info, left);
    if (column == 0 || !op_in_opfamily(array->opno, info->opfamily[column]))
        return nullptr;
    const Oid collation = info->indexcollations[column];
    if (OidIsValid(collation) && collation != array->inputcollid)
        return nullptr;
    if (bms_overlap(pull_varnos(root, right), info->rel->relids) ||
        contain_volatile_functions(right))
        return nullptr;
    return make_clause(condition, condition, column);
}

/// column, NOT column, column IS TRUE, column IS FALSE
static IndexClause *
match_boolean(PlannerInfo *root, IndexOptInfo *info, RestrictInfo *condition)
{
    auto *expression = reinterpret_cast<Node *>(condition->clause);
    bool value = true;
    if (is_notclause(expression)) {
        value = false;
        expression = reinterpret_cast<Node *>(get_notclausearg(expression));
    } else if (IsA(expression, BooleanTest)) {
        auto *test = reinterpret_cast<BooleanTest *>(expression);
        if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE)
            return nullptr;
        value = test->booltesttype == IS_TRUE;
        expression = reinterpret_cast<Node *>(test->arg);
    }
    if (exprType(expression) != BOOLOID)
        return nullptr;
    const int column = filter_column(info, expression);
    if (column == 0 || !op_in_opfamily(BooleanEqualOperator, info->opfamily[column]))
        return nullptr;
    Expr *equal = make_opclause(
        BooleanEqualOperator, BOOLOID, false, reinterpret_cast<Expr *>(expression),
        reinterpret_cast<Expr *>(makeBoolConst(value, false)), InvalidOid, InvalidOid);
    return make_clause(condition, make_simple_restrictinfo(root, equal), column);
}

static IndexClause *
match_condition(PlannerInfo *root, IndexOptInfo *info, RestrictInfo *condition)
{
    if (condition->pseudoconstant || !restriction_is_securely_promotable(condition, info->rel))
        return nullptr;
    if (IsA(condition->clause, ScalarArrayOpExpr))
        return match_array(root, info, condition);
    return match_boolean(root, info, condition);
}

/// The path's clauses and those that it lacks, in the order of the columns; NIL: it lacks none.
static List *
complete_clauses(PlannerInfo *root, IndexPath *path)
{
    List *clauses = list_copy(path->indexclauses);
    ListCell *cell;
    foreach (cell, path->indexinfo->indrestrictinfo) {
        auto *condition = lfirst_node(RestrictInfo, cell);
        if (is_redundant_with_indexclauses(condition, path->indexclauses))
            continue;
        IndexClause *clause = match_condition(root, path->indexinfo, condition);
        if (clause == nullptr)
            continue;
        int place = 0;
        while (place < list_length(clauses) &&
               lfirst_node(IndexClause, list_nth_cell(clauses, place))->indexcol <=
                   clause->indexcol)
            place++;
        clauses = list_insert_nth(clauses, place, clause);
    }
    return list_length(clauses) > list_length(path->indexclauses) ? clauses : NIL;
}

VX_CALLBACK(void, complete_index_paths,
            (PlannerInfo * root, RelOptInfo *rel, Index number, RangeTblEntry *entry),
            (root, rel, number, entry))
{
    if (previous_hook != nullptr)
        previous_hook(root, rel, number, entry);

    List *made = NIL;
    ListCell *cell;
    foreach (cell, rel->pathlist) {
        auto *path = static_cast<IndexPath *>(lfirst(cell));
        if (!IsA(path, IndexPath) || path->indexorderbys == NIL || !is_ours(path->indexinfo))
            continue;
        List *clauses = complete_clauses(root, path);
        if (clauses != NIL)
            made = lappend(made, create_index_path(root, path->indexinfo, clauses,
                                                   path->indexorderbys, path->indexorderbycols,
                                                   path->path.pathkeys, path->indexscandir, false,
                                                   PATH_REQ_OUTER(&path->path), 1.0, false));
    }
    foreach (cell, made)
        add_path(rel, static_cast<Path *>(lfirst(cell)));
}

void
install_paths_hook()
{
    previous_hook = set_rel_pathlist_hook;
    set_rel_pathlist_hook = complete_index_paths;
}

} // namespace vx::ivfrabitq
