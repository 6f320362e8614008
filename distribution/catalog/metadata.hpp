// SPDX-License-Identifier: PostgreSQL
//
// What a backend knows of the cluster: a cache over the catalog tables of schema vecmesh, made anew
// when they change (relcache invalidation). All functions here are plain-frame code (B3) and may
// raise; all but the find_ functions raise when the thing does not exist.
//
// Lifetime: pointers returned here stay valid until the end of the current transaction, even when
// an invalidation arrives in between: an entry that became stale is freed at transaction end.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "access/attnum.h"
}

namespace vecmesh
{

/// Seed of the extended hash function that places a row. On disk by its effect: never change it.
inline constexpr uint64 kHashSeed = UINT64CONST(0x7665636d657368); // "vecmesh"

/// One reachable database of a node group.
struct ClusterNode { // not "Node": IsA() and nodeTag() name PostgreSQL's
    int32 node_id;
    int32 group_id;
    const char *host;
    int port;
    const char *dbname;
    bool is_active;
};

/// A hash range [min_hash, max_hash] of a distributed table, and the node group that holds it.
struct Shard {
    int64 shard_id;
    int64 min_hash;
    int64 max_hash;
    int32 group_id;
};

/// A distributed table. shards[] is sorted by min_hash and covers the whole int64 range.
struct DistributedTable {
    Oid relation;
    AttrNumber column; // the distribution column
    Oid column_type;
    Oid column_collation;
    int32 colocation_id;
    Oid hash_function;     // extended hash (int8 seed) of the type's default hash operator class
    Oid equality_operator; // of the same operator family: what `column = x` must use to prune
    int shard_count;
    Shard *shards;
    /// Distinct node groups, ascending.
    int group_count;
    int32 *groups;
};

/// The table's metadata, or nullptr for a table that is not distributed. Cheap for ordinary
/// tables, and silent in a database without the extension: safe to call from any hook.
const DistributedTable *find_distributed_table(Oid relation);

/// As above, but raises "table is not distributed".
const DistributedTable *get_distributed_table(Oid relation);

/// Index into table->shards for a non-null value of the distribution column.
int find_shard_index(const DistributedTable *table, Datum value);

/// The database to talk to for a node group: its primary. Raises when the group has none.
const ClusterNode *get_group_primary(int32 group_id);

/// All node groups that have an active primary, ascending by id; palloc'd in CurrentMemoryContext.
int get_worker_groups(int32 **group_ids);

/// The identity of this cluster (vecmesh.cluster.cluster_id).
const char *get_cluster_id();

/// "schema"."items_102008": the quoted, qualified name of a shard on its worker. palloc'd.
char *shard_qualified_name(Oid relation, int64 shard_id);

/// The unquoted name: base name + "_" + shard id, the base clipped so that NAMEDATALEN holds.
/// Also used for the shard's indexes and constraints (base = the coordinator's name).
char *shard_object_name(const char *base, int64 shard_id);

/// True when the extension is installed in this database, and not being created or dropped just
/// now.
bool extension_ready();

/// Hooks the relcache callbacks; called once from _PG_init.
void register_metadata_callbacks();

} // namespace vecmesh
