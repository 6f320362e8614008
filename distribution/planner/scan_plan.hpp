// SPDX-License-Identifier: PostgreSQL
//
// What a Vecmesh Scan carries in its plan node, in two stages:
//
//   ScanRequest   from the path to the end of standard_planner(): what shall be sorted, limited and
//                 locked on the workers. The expressions are in custom_exprs, so that PostgreSQL
//                 replaces nestloop parameters in them and knows which parameters the scan uses.
//   ScanPlan      from finish_scans() on: the pieces of SQL, and where each output column comes
//   from.
//
// Both become a List in custom_private, since a plan must be copyable. Plain-frame code (B3).
#pragma once

#include "planner/deparse.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace vecmesh
{

/// ORDER BY on the workers: parallel lists, one element per key.
struct SortKeys {
    List *operators;   ///< of oid: the btree "less" or "greater" operator
    List *collations;  ///< of oid
    List *nulls_first; ///< of int
    List *descending;  ///< of int
};

struct ScanRequest {
    SortKeys sort;
    bool limited;  ///< the query's LIMIT applies to this scan
    char *locking; ///< "FOR UPDATE …", or nullptr
};

/// Where a column of the scan tuple (custom_scan_tlist) comes from, when not from the column of
/// that index in the remote result.
constexpr int kFromTableOid = -1;
constexpr int kFromWholeRow = -2;

struct ScanPlan {
    List *columns;      ///< of String: SQL of each remote column; "" = the shard's index, as a cid
    List *column_types; ///< of oid
    List *column_typmods; ///< of int
    List *sources;        ///< of int, per column of the scan tuple: remote column, or kFrom…
    List *row_columns;    ///< of int, per attribute of the relation: remote column or -1; NIL if no
                          ///< whole row is wanted
    char *where;          ///< or nullptr
    SortKeys sort;
    List *sort_columns; ///< of int: the keys' positions in the scan tuple, from 1
    bool limited;
    int limit_count;  ///< index of a value, or -1
    int limit_offset; ///< index of a value, or -1
    char *locking;    ///< or nullptr
    List *sent;       ///< ValueList::sent
    List *pruning;    ///< pruning.hpp
};

List *make_request_private(const ScanRequest &request);
ScanRequest read_request(const List *custom_private);

List *make_plan_private(const ScanPlan &plan);
ScanPlan read_plan(const List *custom_private);
bool is_finished(const List *custom_private);

/// custom_exprs of a request: conditions the workers check, sort keys, limit count and offset.
enum RequestExpressions { kRequestConditions, kRequestSortKeys, kRequestLimit };

/// custom_exprs of a plan: the values, and the workers' conditions again, for rechecking a row.
enum PlanExpressions { kPlanValues, kPlanConditions };

} // namespace vecmesh
