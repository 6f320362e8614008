// SPDX-License-Identifier: PostgreSQL
//
// The parts of the planner, in the order a query meets them: hooks.cpp → estimates.cpp (rows and
// pages of a distributed relation) → paths.cpp (ways to scan it) → plan.cpp (the chosen path
// becomes a CustomScan) → finish.cpp (its SQL is written, once the plan above it is final).
// README.md says what is pushed to the workers when. Plain-frame code (B3).
#pragma once

#include "catalog/metadata.hpp"

extern "C" {
#include "nodes/extensible.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
}

namespace vecmesh
{

/// Cost of one exchange with the workers, and of one row and one byte that travel from them, in
/// units of seq_page_cost. Measured once on loopback (README.md); a remote site is slower still.
constexpr Cost kRoundTripCost = 100.0;
constexpr Cost kRowTransferCost = 0.01;
constexpr Cost kByteTransferCost = 0.0001;

extern const CustomPathMethods scan_path_methods;
extern const CustomScanMethods scan_methods; // executor/scan.cpp

/// Sets rows, pages and column widths of a distributed base relation.
void set_estimates(const DistributedTable *table, RelOptInfo *rel);

/// Lets a locked local row be rechecked (EvalPlanQual) against a row of this relation: see
/// README.md, rule 12. Must run before the planner collects the columns it needs.
void prepare_row_marks(PlannerInfo *root, const RelOptInfo *rel);

/// Replaces the paths of a distributed base relation by scans of its shards.
void set_scan_paths(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte,
                    const DistributedTable *table);

/// Whether the workers check this clause.
bool is_remote_clause(const RelOptInfo *rel, const RestrictInfo *clause);

/// True when the statement updates or deletes rows of this very relation.
bool is_modified(const PlannerInfo *root, const RelOptInfo *rel);

/// Writes the SQL of every Vecmesh Scan in a finished plan.
void finish_scans(PlannedStmt *statement);

/// Planner hooks and the CustomScan methods; called once from _PG_init.
void register_planner_hooks();

} // namespace vecmesh
