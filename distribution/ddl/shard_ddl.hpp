// SPDX-License-Identifier: PostgreSQL
//
// Writes the commands that make a shard look like its distributed table, from the catalogs. All
// names and types are qualified: worker sessions run with search_path pg_catalog. Plain-frame code
// (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "nodes/pg_list.h"
#include "utils/relcache.h"
}

namespace vecmesh
{

/// CREATE TABLE with columns, NOT NULL and CHECK constraints, storage options. Columns have no
/// default, generation expression or identity on a shard: their values come from the coordinator.
char *shard_table_command(Relation relation, int64 shard_id);

/// Appends ALTER TABLE … ADD CONSTRAINT and CREATE INDEX for all indexes: a list of strings. Run
/// after the rows are in, so that each index is built once.
List *shard_index_commands(Relation relation, int64 shard_id);

/// The one command that makes this index (or the constraint behind it) on a shard.
char *shard_index_command(Oid index, int64 shard_id, bool concurrently);

/// "schema"."index_102008"
char *shard_index_name(Oid index, int64 shard_id);

/// CREATE SCHEMA IF NOT EXISTS for the relation's schema.
char *shard_schema_command(Relation relation);

} // namespace vecmesh
