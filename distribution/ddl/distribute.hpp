// SPDX-License-Identifier: PostgreSQL
//
// The commands' GUC and helpers shared by create_distributed_table and undistribute_table.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "catalog/metadata.hpp"

namespace vecmesh
{

/// vecmesh.shard_count; 0: as many as there are workers.
extern int default_shard_count_setting;

/// DROP TABLE for every shard, in the transaction. schema and name: the distributed table's.
void drop_shards(const DistributedTable *table, const char *schema, const char *name);

} // namespace vecmesh
