// SPDX-License-Identifier: PostgreSQL
//
// Sends rows to the shards of a table as binary COPY streams: what COPY FROM, INSERT and
// create_distributed_table have in common.
//
//   ShardCopy *copy = begin_shard_copy(table, relation);
//   while (…) put_shard_row(copy, slot->tts_values, slot->tts_isnull);
//   rows = finish_shard_copy(copy);
//
// Every column that is not dropped is sent, generated ones too: on shards they are plain columns,
// and their values are the coordinator's affair, as are defaults and constraints on the whole row.
//
// Plain-frame code (B3).
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

struct ShardCopy;

/// Opens nothing yet: connections are claimed (Access::write) and streams started when a shard's
/// first rows are on their way. The buffers live in CurrentMemoryContext, which must last until the
/// end.
ShardCopy *begin_shard_copy(const DistributedTable *table, Relation relation);

/// Routes one row by its distribution column. The arrays are indexed by attribute number - 1, as in
/// a virtual or deformed slot of the relation. Raises 23502 when the distribution column is NULL.
void put_shard_row(ShardCopy *copy, const Datum *values, const bool *nulls);

/// Errors that a worker reports about rows sent long ago are raised with this error context instead
/// of the current one, which may name a line of the input that has nothing to do with them. The
/// callbacks must stay valid until the end.
void set_stream_error_context(ShardCopy *copy, ErrorContextCallback *callbacks);

/// Sends what is buffered, ends the streams, and waits for the workers' verdicts; returns the
/// number of rows they took. The ShardCopy is gone afterwards. (On error nothing needs to be
/// called: transaction abort ends the streams.)
int64 finish_shard_copy(ShardCopy *copy);

/// True when values of the type can travel in binary form between databases: not when the form
/// holds oids that differ from one database to the next (composite types, arrays of user-defined
/// types).
bool type_has_portable_binary(Oid type);

} // namespace vecmesh
