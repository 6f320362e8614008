// SPDX-License-Identifier: PostgreSQL
//
// Which shards can hold a row: conditions on the distribution column, kept as a small tree in the
// plan and decided when the values are known, at the start of an execution. Plain-frame code (B3).
//
// The tree is made of Lists, so that a plan can be copied:
//   nullptr                               every shard
//   int list (kNone)                      no shard
//   int list (kEqual, value, hash)        the shard of one value
//   int list (kAnyOf, value, hash)        the shards of an array's elements
//   list (Integer kAnd | kOr, tree, …)
// where `value` indexes ValueList::expressions and `hash` is the extended hash function to use.
#pragma once

#include "catalog/metadata.hpp"
#include "planner/deparse.hpp"

namespace vecmesh
{

/// conditions: implicitly ANDed, with the table's columns numbered `varno`.
List *make_pruning_tree(const DistributedTable *table, Index varno, List *conditions,
                        ValueList *values);

/// One flag per shard of the table, palloc'd. data/nulls: the values, in order of ValueList.
bool *prune_shards(const DistributedTable *table, const List *tree, const Datum *data,
                   const bool *nulls);

/// The values that the tree needs, to be told apart from those only the statement needs.
bool pruning_needs_value(const List *tree, int value);

} // namespace vecmesh
