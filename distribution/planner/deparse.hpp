// SPDX-License-Identifier: PostgreSQL
//
// Shippable expressions as SQL for a worker, in which the relation's alias is `t`, names are
// qualified for search_path = pg_catalog, and values are $1…$n. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
}

namespace vecmesh
{

/// The values of one plan: expressions without columns, which the executor computes once per
/// execution (they are what the plan keeps in custom_exprs). Some are sent as parameters.
struct ValueList {
    List *expressions; ///< of Expr
    List *sent;        ///< of int: the index in expressions of $1, $2, …
};

/// Index in values->expressions; equal expressions share one entry.
int add_value(ValueList *values, Expr *expression);
/// The n of $n.
int add_sent_value(ValueList *values, Expr *expression);

/// While alive, ruleutils qualifies names and constants print in the style every node reads alike:
///   const int nest = begin_deparse(); … deparse_expression_for_worker() …; end_deparse(nest);
int begin_deparse();
void end_deparse(int nest);

/// The expression must be shippable; its own columns have the number `varno`.
char *deparse_for_worker(Node *expression, Oid relation, Index varno, ValueList *values);

/// The same for an implicitly ANDed list; nullptr for an empty one.
char *deparse_conditions_for_worker(List *conditions, Oid relation, Index varno, ValueList *values);

/// For ON CONFLICT DO UPDATE: columns with the number `excluded` are those of EXCLUDED.
char *deparse_conflict_for_worker(Node *expression, Oid relation, Index varno, Index excluded,
                                  ValueList *values);

} // namespace vecmesh
