// SPDX-License-Identifier: PostgreSQL
//
// What a worker may compute: an expression is *shippable* when its value there is certain to be the
// value it would have here. planner/README.md, rules 1 to 5. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "nodes/bitmapset.h"
#include "nodes/nodes.h"
#include "nodes/primnodes.h"
}

namespace vecmesh
{

/// The relation an expression is to be computed next to. Vars of `outer` relations count as
/// parameters: the planner replaces them when the path is used inside a nested loop.
struct ShipScope {
    Index varno;
    Bitmapset *outer;
};

/// Built in with the same meaning everywhere, or a member of extension "vector".
bool is_shippable_type(Oid type);
bool is_shippable_function(Oid function);
bool is_shippable_operator(Oid op);

/// The type's binary format is the same on every node, so values may travel in it.
bool travels_binary(Oid type);

/// True when a worker can compute the expression, taking its values (is_value) from here.
bool is_shippable(Node *expression, const ShipScope &scope);

/// True for an expression the coordinator computes once per execution and sends as $n: it has no
/// column of the relation, is not volatile, and no worker needs to know how it is computed.
bool is_value(Node *expression, const ShipScope &scope);

/// A worker can compute this very node, and its children too, so that it must not become a value.
bool is_worker_node(Node *expression, const ShipScope &scope);

/// True when the expression mentions a column (or the whole row) of the relation.
bool mentions_relation(Node *expression, Index varno);

/// CASE, COALESCE, AND, OR: parts of it are evaluated only if others say so, and an output column
/// computed for one part alone could fail where the whole does not.
bool is_conditional(Node *expression);

/// Syscache callbacks; called once from _PG_init.
void register_shippable_callbacks();

} // namespace vecmesh
