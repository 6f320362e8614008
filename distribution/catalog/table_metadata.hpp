// SPDX-License-Identifier: PostgreSQL
//
// Writing the metadata of one table. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "catalog/metadata.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace vecmesh
{

/// A set of co-located tables; `pattern` is one of them, or nullptr for a new set.
struct Colocation {
    int32 colocation_id;
    const DistributedTable *pattern;
};

/// The set of tables that a new table joins: colocate_with is 'default', 'none' or the name of a
/// distributed table. shard_count 0: not given by the user.
Colocation find_or_make_colocation(Relation relation, AttrNumber column, int shard_count,
                                   const char *colocate_with);

/// Enters the table with its shards; those of a new set go round-robin over the worker groups.
const DistributedTable *insert_table_metadata(Relation relation, AttrNumber column,
                                              const Colocation &colocation, int shard_count);

/// Removes the table, its shards and placements, and the co-location set nobody is left in.
void delete_table_metadata(Oid relation);

} // namespace vecmesh
