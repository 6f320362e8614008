// SPDX-License-Identifier: PostgreSQL
//
// Ways to scan a distributed relation: gather its rows in any order; merge rows that the workers
// have sorted; look up rows for each row of an outer relation. README.md, rules 7 to 12.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "planner/planner.hpp"
#include "planner/scan_plan.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

#include <algorithm>
#include <cmath>

namespace vecmesh
{

namespace
{

/// What the paths of one relation have in common.
struct Scan {
    PlannerInfo *root;
    RelOptInfo *rel;
    const DistributedTable *table;
    char *locking;
    bool all_remote; ///< no condition is left to the coordinator
};

/// Sort keys as they stand in a path: the expressions, and how to sort by them.
struct SortOrder {
    List *expressions;
    SortKeys keys;
};

// ----- sorting ---------------------------------------------------------------------------------

/// An expression over this relation alone that a worker can compute and whose order is `pathkey`'s.
Expr *
find_sort_expression(const RelOptInfo *rel, const EquivalenceClass *ec)
{
    const ShipScope scope = {rel->relid, nullptr};
    ListCell *cell;
    foreach (cell, ec->ec_members) {
        auto *member = lfirst_node(EquivalenceMember, cell);
        if (!bms_is_empty(member->em_relids) && bms_is_subset(member->em_relids, rel->relids) &&
            is_shippable(reinterpret_cast<Node *>(member->em_expr), scope))
            return member->em_expr;
    }
    return nullptr;
}

/// The operator that ORDER BY means without USING: only that can be written as ASC or DESC.
Oid
find_default_sort_operator(const PathKey *pathkey, Oid type)
{
    TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
    const Oid op =
        pg::sort_strategy(pathkey) == BTLessStrategyNumber ? entry->lt_opr : entry->gt_opr;
    if (!OidIsValid(op) || !is_shippable_operator(op) ||
        get_op_opfamily_strategy(op, pathkey->pk_opfamily) != pg::sort_strategy(pathkey))
        return InvalidOid;
    return op;
}

bool
add_sort_key(const RelOptInfo *rel, const PathKey *pathkey, SortOrder *order)
{
    const EquivalenceClass *ec = pathkey->pk_eclass;
    if (ec->ec_has_volatile)
        return false;
    Expr *expression = find_sort_expression(rel, ec);
    if (expression == nullptr)
        return false;
    const Oid collation = ec->ec_collation;
    if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID &&
        !pg::is_c_collation(collation))
        return false;
    if (exprCollation(reinterpret_cast<Node *>(expression)) != collation)
        return false;
    const Oid type = exprType(reinterpret_cast<Node *>(expression));
    const Oid op = is_shippable_type(type) ? find_default_sort_operator(pathkey, type) : InvalidOid;
    if (!OidIsValid(op))
        return false;

    order->expressions = lappend(order->expressions, expression);
    order->keys.operators = lappend_oid(order->keys.operators, op);
    order->keys.collations = lappend_oid(order->keys.collations, collation);
    order->keys.nulls_first = lappend_int(order->keys.nulls_first, pathkey->pk_nulls_first);
    order->keys.descending =
        lappend_int(order->keys.descending, pg::sort_strategy(pathkey) != BTLessStrategyNumber);
    return true;
}

bool
make_sort_order(const RelOptInfo *rel, const List *pathkeys, SortOrder *order)
{
    ListCell *cell;
    foreach (cell, pathkeys) {
        if (!add_sort_key(rel, lfirst_node(PathKey, cell), order))
            return false;
    }
    return pathkeys != NIL;
}

// ----- LIMIT -----------------------------------------------------------------------------------

/// True when the query's LIMIT, or what is left of it after OFFSET, bounds the rows this scan has
/// to deliver in `pathkeys` order: nothing above it can drop, add or reorder rows (rule 9).
bool
can_limit(const Scan &scan, List *pathkeys)
{
    const PlannerInfo *root = scan.root;
    const Query *parse = root->parse;
    if (parse->limitCount == nullptr || parse->limitOption == LIMIT_OPTION_WITH_TIES ||
        !scan.all_remote)
        return false;
    if (parse->commandType != CMD_SELECT || parse->hasAggs || parse->groupClause != NIL ||
        parse->groupingSets != NIL || parse->hasWindowFuncs || parse->distinctClause != NIL ||
        parse->setOperations != nullptr || parse->hasTargetSRFs || parse->havingQual != nullptr)
        return false;
    if (!bms_equal(root->all_baserels, scan.rel->relids) || scan.rel->reloptkind != RELOPT_BASEREL)
        return false;
    if (contain_volatile_functions(parse->limitCount) ||
        contain_volatile_functions(parse->limitOffset) || contain_subplans(parse->limitCount) ||
        contain_subplans(parse->limitOffset))
        return false;
    return pathkeys_contained_in(root->sort_pathkeys, pathkeys);
}

// ----- cost ------------------------------------------------------------------------------------

/// The workers' scan of all shards, each worker its own.
Cost
remote_scan_cost(const Scan &scan, const List *clauses)
{
    QualCost quals = {};
    cost_qual_eval(&quals, const_cast<List *>(clauses), scan.root);
    return quals.startup + (seq_page_cost * scan.rel->pages +
                            (cpu_tuple_cost + quals.per_tuple) * scan.rel->tuples) /
                               scan.table->group_count;
}

/// A worker finds the rows of a parameterized scan by an index when the coordinator's table has one
/// on a column compared for equality.
bool
has_index_for(const RelOptInfo *rel, const List *clauses)
{
    ListCell *cell;
    foreach (cell, clauses) {
        const auto *op = reinterpret_cast<OpExpr *>(lfirst_node(RestrictInfo, cell)->clause);
        if (!IsA(op, OpExpr) || list_length(op->args) != 2)
            continue;
        ListCell *index_cell;
        foreach (index_cell, rel->indexlist) {
            const auto *index = lfirst_node(IndexOptInfo, index_cell);
            ListCell *argument;
            foreach (argument, op->args) {
                const auto *var = static_cast<Var *>(lfirst(argument));
                if (IsA(var, Var) && static_cast<Index>(var->varno) == rel->relid &&
                    var->varattno == index->indexkeys[0])
                    return true;
            }
        }
    }
    return false;
}

Cost
transfer_cost(const CustomPath *path, double rows)
{
    return rows * (kRowTransferCost + kByteTransferCost * path->path.pathtarget->width);
}

CustomPath *
make_path(const Scan &scan, ParamPathInfo *param_info, const SortOrder &order, bool limited)
{
    auto *path = makeNode(CustomPath);
    path->path.pathtype = T_CustomScan;
    path->path.parent = scan.rel;
    path->path.pathtarget = scan.rel->reltarget;
    path->path.param_info = param_info;
    path->path.rows = param_info != nullptr ? param_info->ppi_rows : scan.rel->rows;
    path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
    path->methods = &scan_path_methods;

    ScanRequest request = {};
    request.sort = order.keys;
    request.limited = limited;
    request.locking = scan.locking;
    path->custom_private = list_make2(make_request_private(request), order.expressions);
    return path;
}

void
add_gather_path(const Scan &scan, ParamPathInfo *param_info)
{
    const bool limited = param_info == nullptr && can_limit(scan, NIL);
    CustomPath *path = make_path(scan, param_info, SortOrder{}, limited);
    List *clauses = scan.rel->baserestrictinfo;
    Cost work = 0;
    if (param_info != nullptr && has_index_for(scan.rel, param_info->ppi_clauses)) {
        work = random_page_cost + path->path.rows * (random_page_cost + cpu_tuple_cost);
    } else {
        if (param_info != nullptr)
            clauses = list_concat_copy(clauses, param_info->ppi_clauses);
        work = remote_scan_cost(scan, clauses);
    }
    if (limited && scan.root->limit_tuples > 0 && scan.root->limit_tuples < path->path.rows) {
        work *= scan.root->limit_tuples / path->path.rows;
        path->path.rows = scan.root->limit_tuples;
    }
    path->path.startup_cost = kRoundTripCost;
    path->path.total_cost = kRoundTripCost + work + transfer_cost(path, path->path.rows);
    add_path(scan.rel, &path->path);
}

/// Each worker sorts its part, which costs n log n of its rows; the merge compares each row that
/// arrives with the logarithm of the workers' number of others.
void
add_ordered_path(const Scan &scan, const SortOrder &order)
{
    List *pathkeys = scan.root->query_pathkeys;
    const bool limited = can_limit(scan, pathkeys);
    CustomPath *path = make_path(scan, nullptr, order, limited);
    path->path.pathkeys = pathkeys;

    const double workers = scan.table->group_count;
    const double sorted = std::max(2.0, path->path.rows / workers);
    double kept = sorted;
    if (limited && scan.root->limit_tuples > 0 && scan.root->limit_tuples < path->path.rows) {
        path->path.rows = scan.root->limit_tuples;
        kept = std::max(2.0, 2 * scan.root->limit_tuples);
    }
    const Cost sort = 2.0 * cpu_operator_cost * sorted * std::log2(std::min(sorted, kept));
    const Cost merge =
        2.0 * cpu_operator_cost * path->path.rows * std::log2(std::max(2.0, workers));
    path->path.startup_cost =
        kRoundTripCost + remote_scan_cost(scan, scan.rel->baserestrictinfo) + sort;
    path->path.total_cost = path->path.startup_cost + merge + transfer_cost(path, path->path.rows);
    add_path(scan.rel, &path->path);
}

// ----- parameterized paths ---------------------------------------------------------------------

/// A join clause the workers can check for one outer row at a time.
bool
is_usable_join_clause(const RelOptInfo *rel, RestrictInfo *clause)
{
    return join_clause_is_movable_to(clause, const_cast<RelOptInfo *>(rel)) &&
           is_remote_clause(rel, clause);
}

List *
add_param_info(const Scan &scan, RestrictInfo *clause, List *infos)
{
    if (!is_usable_join_clause(scan.rel, clause))
        return infos;
    Relids outer = bms_union(clause->clause_relids, scan.rel->lateral_relids);
    outer = bms_del_member(outer, scan.rel->relid);
    if (bms_is_empty(outer))
        return infos;
    ParamPathInfo *info = get_baserel_parampathinfo(scan.root, scan.rel, outer);
    return list_append_unique_ptr(infos, info);
}

/// Which column an equivalence class should be asked about, and which were asked already.
struct ColumnSearch {
    AttrNumber column;
};

VX_CALLBACK(bool, member_matches_column,
            (PlannerInfo * root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *member,
             void *argument),
            (root, rel, ec, member, argument))
{
    (void)root;
    (void)ec;
    const auto *var = reinterpret_cast<Var *>(member->em_expr);
    return IsA(var, Var) && static_cast<Index>(var->varno) == rel->relid &&
           var->varattno == static_cast<ColumnSearch *>(argument)->column;
}

/// Columns worth a lookup per outer row: the distribution column, and those with an index.
Bitmapset *
lookup_columns(const Scan &scan)
{
    Bitmapset *columns = bms_make_singleton(scan.table->column);
    ListCell *cell;
    foreach (cell, scan.rel->indexlist) {
        const int key = lfirst_node(IndexOptInfo, cell)->indexkeys[0];
        if (key > 0)
            columns = bms_add_member(columns, key);
    }
    return columns;
}

void
add_parameterized_paths(const Scan &scan)
{
    List *infos = NIL;
    ListCell *cell;
    foreach (cell, scan.rel->joininfo)
        infos = add_param_info(scan, lfirst_node(RestrictInfo, cell), infos);
    if (scan.rel->has_eclass_joins) {
        Bitmapset *columns = lookup_columns(scan);
        int column = -1;
        while ((column = bms_next_member(columns, column)) >= 0) {
            ColumnSearch search = {static_cast<AttrNumber>(column)};
            List *clauses = generate_implied_equalities_for_column(
                scan.root, scan.rel, member_matches_column, &search, scan.rel->lateral_referencers);
            foreach (cell, clauses)
                infos = add_param_info(scan, lfirst_node(RestrictInfo, cell), infos);
        }
    }
    foreach (cell, infos)
        add_gather_path(scan, static_cast<ParamPathInfo *>(lfirst(cell)));
}

// ----- row locks -------------------------------------------------------------------------------

PlanRowMark *
find_row_mark(const PlannerInfo *root, Index relid)
{
    ListCell *cell;
    foreach (cell, root->rowMarks) {
        auto *mark = lfirst_node(PlanRowMark, cell);
        if (mark->rti == relid)
            return mark;
    }
    return nullptr;
}

char *
locking_clause(LockClauseStrength strength, LockWaitPolicy policy)
{
    const char *lock = strength == LCS_FORUPDATE        ? "FOR UPDATE"
                       : strength == LCS_FORNOKEYUPDATE ? "FOR NO KEY UPDATE"
                       : strength == LCS_FORSHARE       ? "FOR SHARE"
                                                        : "FOR KEY SHARE";
    const char *wait = policy == LockWaitError  ? " NOWAIT"
                       : policy == LockWaitSkip ? " SKIP LOCKED"
                                                : "";
    return psprintf("%s%s", lock, wait);
}

/// Moves FOR UPDATE and its kin into the workers' statements: the coordinator has no row to lock.
char *
take_over_locking(PlannerInfo *root, const RelOptInfo *rel)
{
    if (is_modified(root, rel))
        return pstrdup("FOR UPDATE");
    PlanRowMark *mark = find_row_mark(root, rel->relid);
    if (mark == nullptr)
        return nullptr;
    char *locking =
        mark->strength == LCS_NONE ? nullptr : locking_clause(mark->strength, mark->waitPolicy);
    if (RowMarkRequiresRowShareLock(mark->markType)) {
        root->rowMarks = list_delete_ptr(root->rowMarks, mark);
        if (root->rowMarks == NIL)
            root->parse->rowMarks = NIL;
    }
    return locking;
}

} // namespace

bool
is_modified(const PlannerInfo *root, const RelOptInfo *rel)
{
    const Query *parse = root->parse;
    return (parse->commandType == CMD_UPDATE || parse->commandType == CMD_DELETE) &&
           parse->resultRelation == static_cast<int>(rel->relid);
}

bool
is_remote_clause(const RelOptInfo *rel, const RestrictInfo *clause)
{
    if (clause->pseudoconstant ||
        (clause->security_level > rel->baserestrict_min_security && !clause->leakproof))
        return false;
    Relids outer = bms_del_member(bms_copy(clause->clause_relids), rel->relid);
    return is_shippable(reinterpret_cast<Node *>(clause->clause), ShipScope{rel->relid, outer});
}

void
set_scan_paths(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte,
               const DistributedTable *table)
{
    if (rte->tablesample != nullptr)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("TABLESAMPLE is not supported for distributed table \"%s\"",
                               get_rel_name(table->relation)),
                        errhint("Use WHERE random() < fraction instead.")));

    rel->pathlist = NIL; // of the coordinator's own, empty heap
    rel->partial_pathlist = NIL;
    rel->consider_parallel = false;

    Scan scan = {root, rel, table, take_over_locking(root, rel), true};
    ListCell *cell;
    foreach (cell, rel->baserestrictinfo) {
        const auto *clause = lfirst_node(RestrictInfo, cell);
        scan.all_remote =
            scan.all_remote && (clause->pseudoconstant || is_remote_clause(rel, clause));
    }

    ParamPathInfo *lateral = nullptr;
    if (!bms_is_empty(rel->lateral_relids))
        lateral = get_baserel_parampathinfo(root, rel, rel->lateral_relids);
    add_gather_path(scan, lateral);
    SortOrder order = {};
    if (lateral == nullptr && scan.all_remote && make_sort_order(rel, root->query_pathkeys, &order))
        add_ordered_path(scan, order);
    add_parameterized_paths(scan);
}

} // namespace vecmesh
