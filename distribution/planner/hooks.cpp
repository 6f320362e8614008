// SPDX-License-Identifier: PostgreSQL
//
// Where PostgreSQL's planner meets distributed tables. Every hook calls the previous one first and
// does nothing for a query without distributed tables.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "planner/deparse.hpp"
#include "planner/planner.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
}

namespace vecmesh
{

namespace
{

planner_hook_type previous_planner = nullptr;
get_relation_info_hook_type previous_relation_info = nullptr;
set_rel_pathlist_hook_type previous_pathlist = nullptr;

VX_CALLBACK(void, relation_info_hook,
            (PlannerInfo * root, Oid relation, bool inherited, RelOptInfo *rel),
            (root, relation, inherited, rel))
{
    if (previous_relation_info != nullptr)
        previous_relation_info(root, relation, inherited, rel);
    const DistributedTable *table = find_distributed_table(relation);
    if (table == nullptr)
        return;
    set_estimates(table, rel);
    prepare_row_marks(root, rel);
}

VX_CALLBACK(void, pathlist_hook,
            (PlannerInfo * root, RelOptInfo *rel, Index relid, RangeTblEntry *rte),
            (root, rel, relid, rte))
{
    if (previous_pathlist != nullptr)
        previous_pathlist(root, rel, relid, rte);
    if (rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_RELATION || IS_DUMMY_REL(rel))
        return;
    const DistributedTable *table = find_distributed_table(rte->relid);
    if (table != nullptr)
        set_scan_paths(root, rel, rte, table);
}

VX_CALLBACK(PlannedStmt *, planner_entry,
            (Query * query, const char *text, int options, ParamListInfo parameters),
            (query, text, options, parameters))
{
    PlannedStmt *statement = previous_planner != nullptr
                                 ? previous_planner(query, text, options, parameters)
                                 : standard_planner(query, text, options, parameters);
    finish_scans(statement);
    return statement;
}

} // namespace

void
register_planner_hooks()
{
    previous_planner = planner_hook;
    planner_hook = planner_entry;
    previous_relation_info = get_relation_info_hook;
    get_relation_info_hook = relation_info_hook;
    previous_pathlist = set_rel_pathlist_hook;
    set_rel_pathlist_hook = pathlist_hook;
    RegisterCustomScanMethods(&scan_methods);
    register_shippable_callbacks();
}

} // namespace vecmesh
