// SPDX-License-Identifier: PostgreSQL
//
// A planned write to a distributed table: what the planner hook (modify_planner.cpp) decides and
// the executor nodes (executor/modify_*.cpp) carry out. It travels in CustomScan.custom_private as
// plain nodes, so that cached plans can be copied. README.md, section "Writes", has the rules.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "catalog/metadata.hpp"
#include "planner/deparse.hpp"

extern "C" {
#include "nodes/extensible.h"
#include "nodes/plannodes.h"
}

namespace vecmesh
{

enum class WriteMethod {
    insert, ///< the subplan's rows go to the shards their distribution column names
    rows,   ///< the subplan names rows by (shard, ctid): update or delete those
    pushed, ///< the whole statement runs on every shard that pruning leaves; no subplan
};

struct WritePlan {
    WriteMethod method;
    CmdType operation;
    bool can_set_tag;
    /// Some other part of the subplan reads the target: take all its rows before the first write.
    bool read_first;
    /// insert: rows that conflict may be passed over, so RETURNING can give fewer rows than came
    /// in.
    bool may_skip;
    /// rows: positions in the subplan's target list.
    AttrNumber shard_column;
    AttrNumber ctid_column;
    /// rows: attribute numbers set by UPDATE, in the order of the subplan's target list.
    List *update_columns;
    /// insert: " ON CONFLICT …" or nullptr. pushed: what follows the shard's name.
    char *tail;
    /// $1… of the tail, as indexes into CustomScan.custom_exprs.
    List *sent;
    /// WITH CHECK OPTION of the views the statement came through.
    List *check_options;
    /// pushed: which shards can hold rows; its values are CustomScan.custom_exprs too.
    List *pruning;
};

List *encode_write_plan(const WritePlan &plan);
WritePlan decode_write_plan(const List *custom_private);

/// Name of the resjunk column that carries the shard's index: this prefix and a number.
inline constexpr char kShardColumnPrefix[] = "vecmesh_shard_";

/// Makes the plan of an UPDATE or DELETE that is sent whole, from the statement as it was before
/// planning; false when some expression needs the coordinator.
bool plan_pushed_write(const Query *query, WritePlan *plan, ValueList *values);

/// " ON CONFLICT …" of a planned INSERT; raises what cannot be sent.
char *deparse_conflict_clause(const ModifyTable *modify, const DistributedTable *table,
                              ValueList *values);

/// CustomScan methods of the three operations (executor/modify_node.cpp).
const CustomScanMethods *write_scan_methods(CmdType operation);

/// Installs the planner hook and registers the nodes; called once from _PG_init.
void register_write_planner();

} // namespace vecmesh
