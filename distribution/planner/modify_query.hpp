// SPDX-License-Identifier: PostgreSQL
//
// What the planner hook does to a statement before PostgreSQL plans it: refuses writes that cannot
// be done to distributed tables, and asks the scan of an UPDATE's or DELETE's target for the row's
// shard.
#pragma once

#include "planner/modify_plan.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace vecmesh
{

/// One UPDATE or DELETE of a distributed table, in the order of the numbers in its shard column's
/// name.
struct PendingWrite {
    /// A copy of the statement from before planning if it may be sent whole, else nullptr.
    Query *pushable;
};

/// One distributed table the statement writes to.
struct WriteTarget {
    Oid relation;
    int writers; // data-modifying (sub)statements
    int readers; // other range table entries
};

struct StatementWrites {
    List *targets; // WriteTarget
    List *pending; // PendingWrite
};

/// Returns false when the statement writes to no distributed table.
bool prepare_statement_writes(Query *statement, StatementWrites *writes);

WriteTarget *find_write_target(const StatementWrites &writes, Oid relation);

/// Adds assignments to the stored generated columns that depend on assigned ones.
List *add_generated_assignments(List *assignments, Oid relation, Index target);

} // namespace vecmesh
