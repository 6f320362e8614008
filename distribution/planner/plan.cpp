// SPDX-License-Identifier: PostgreSQL
//
// The chosen path becomes a CustomScan. Which columns the plan nodes above will want is not known
// yet (createplan.c may still put an expression in place of our target list), so the scan offers
// every column that any of its expressions mentions, and finish.cpp narrows that down.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "planner/planner.hpp"
#include "planner/scan_plan.hpp"

extern "C" {
#include "access/sysattr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
}

namespace vecmesh
{

namespace
{

void
check_system_column(const PlannerInfo *root, const RelOptInfo *rel, const Var *var)
{
    if (var->varattno >= 0 || var->varattno == TableOidAttributeNumber ||
        var->varattno == SelfItemPointerAttributeNumber)
        return;
    // the shard's number, which UPDATE and DELETE ask for through this slot
    if (var->varattno == MinCommandIdAttributeNumber && is_modified(root, rel))
        return;
    const Oid relation = planner_rt_fetch(rel->relid, root)->relid;
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("system column \"%s\" of distributed table \"%s\" cannot be read",
                    get_attname(relation, var->varattno, false), get_rel_name(relation)),
             errhint("Its rows live on the workers; only tableoid and ctid are known here.")));
}

/// A target list of the relation's columns in `expressions`, each once.
List *
collect_columns(const PlannerInfo *root, const RelOptInfo *rel, List *expressions)
{
    List *vars = pull_var_clause(reinterpret_cast<::Node *>(expressions),
                                 PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
                                     PVC_RECURSE_PLACEHOLDERS);
    List *distinct = NIL;
    ListCell *cell;
    foreach (cell, vars) {
        auto *var = lfirst_node(Var, cell);
        if (static_cast<Index>(var->varno) != rel->relid)
            continue; // an outer relation's, about to become a parameter
        check_system_column(root, rel, var);
        distinct = list_append_unique(distinct, var);
    }
    List *tlist = NIL;
    foreach (cell, distinct)
        tlist = lappend(tlist, makeTargetEntry(static_cast<Expr *>(copyObjectImpl(lfirst(cell))),
                                               list_length(tlist) + 1, nullptr, false));
    return tlist;
}

/// A scan tuple without columns would be taken for the relation's own row type.
List *
with_some_column(const RelOptInfo *rel, List *tlist)
{
    if (tlist != NIL)
        return tlist;
    Var *var = makeVar(rel->relid, TableOidAttributeNumber, OIDOID, -1, InvalidOid, 0);
    return list_make1(makeTargetEntry(reinterpret_cast<Expr *>(var), 1, nullptr, false));
}

List *
limit_expressions(const PlannerInfo *root, const ScanRequest &request)
{
    if (!request.limited)
        return NIL;
    return list_make2(copyObjectImpl(root->parse->limitCount),
                      copyObjectImpl(root->parse->limitOffset));
}

VX_CALLBACK(Plan *, plan_scan,
            (PlannerInfo * root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses,
             List *custom_plans),
            (root, rel, path, tlist, clauses, custom_plans))
{
    (void)custom_plans;
    auto *request_private = static_cast<List *>(linitial(path->custom_private));
    auto *sort_expressions = static_cast<List *>(lsecond(path->custom_private));

    List *remote = NIL;
    List *local = NIL;
    ListCell *cell;
    foreach (cell, clauses) {
        auto *clause = lfirst_node(RestrictInfo, cell);
        if (clause->pseudoconstant)
            continue; // a Result node above checks it
        if (is_remote_clause(rel, clause))
            remote = lappend(remote, clause->clause);
        else
            local = lappend(local, clause->clause);
    }

    auto *scan = makeNode(CustomScan);
    scan->scan.scanrelid = rel->relid;
    scan->scan.plan.targetlist = tlist;
    scan->scan.plan.qual = local;
    scan->flags = path->flags;
    scan->methods = &scan_methods;
    scan->custom_private = request_private;
    scan->custom_exprs = list_make3(remote, sort_expressions,
                                    limit_expressions(root, read_request(request_private)));
    List *wanted = list_make3(tlist, path->path.pathtarget->exprs, local);
    scan->custom_scan_tlist =
        with_some_column(rel, collect_columns(root, rel, list_concat(wanted, scan->custom_exprs)));
    return &scan->scan.plan;
}

// ----- row marks -------------------------------------------------------------------------------

/// A row of the coordinator may be locked or updated by this query, so that it may have to be
/// rechecked together with the rows it was joined with.
bool
locks_coordinator_rows(const PlannerInfo *root)
{
    const Query *parse = root->parse;
    if (parse->resultRelation > 0 && parse->commandType != CMD_INSERT &&
        find_distributed_table(rt_fetch(parse->resultRelation, parse->rtable)->relid) == nullptr)
        return true;
    ListCell *cell;
    foreach (cell, root->rowMarks) {
        const auto *mark = lfirst_node(PlanRowMark, cell);
        if (RowMarkRequiresRowShareLock(mark->markType) &&
            find_distributed_table(rt_fetch(mark->rti, parse->rtable)->relid) == nullptr)
            return true;
    }
    return false;
}

/// Replaces the junk column by which PostgreSQL would fetch the row again by a copy of the row.
void
mark_by_copy(PlannerInfo *root, PlanRowMark *mark)
{
    const char *name = psprintf("ctid%u", mark->rowmarkId);
    ListCell *cell;
    foreach (cell, root->processed_tlist) {
        auto *entry = lfirst_node(TargetEntry, cell);
        if (!entry->resjunk || entry->resname == nullptr || strcmp(entry->resname, name) != 0)
            continue;
        RangeTblEntry *rte = rt_fetch(mark->rti, root->parse->rtable);
        entry->expr = reinterpret_cast<Expr *>(makeWholeRowVar(rte, mark->rti, 0, false));
        entry->resname = psprintf("wholerow%u", mark->rowmarkId);
        mark->markType = ROW_MARK_COPY;
        mark->allMarkTypes = 1 << ROW_MARK_COPY;
    }
}

} // namespace

const CustomPathMethods scan_path_methods = {"Vecmesh Scan", plan_scan, nullptr};

void
prepare_row_marks(PlannerInfo *root, const RelOptInfo *rel)
{
    if (root->rowMarks == NIL || !locks_coordinator_rows(root))
        return;
    ListCell *cell;
    foreach (cell, root->rowMarks) {
        auto *mark = lfirst_node(PlanRowMark, cell);
        if (mark->rti == rel->relid && mark->markType != ROW_MARK_COPY)
            mark_by_copy(root, mark);
    }
}

} // namespace vecmesh
