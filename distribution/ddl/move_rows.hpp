// SPDX-License-Identifier: PostgreSQL
//
// All rows of a table, from here to its shards and back. Plain-frame code (B3).
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

/// Sends every local row, as a snapshot taken now sees them, to its shard.
void copy_rows_to_shards(Relation relation, const DistributedTable *table);

/// Fetches the rows of all shards into the local table, without touching its indexes.
void copy_rows_from_shards(Relation relation);

} // namespace vecmesh
