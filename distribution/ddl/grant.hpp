// SPDX-License-Identifier: PostgreSQL
//
// Owners and rights of shards follow those of the distributed table. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "catalog/metadata.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "utils/relcache.h"
}

namespace vecmesh
{

/// Appends what gives new shards the owner and the rights that the table has now.
List *append_right_commands(List *commands, Relation relation, const DistributedTable *table);

} // namespace vecmesh
