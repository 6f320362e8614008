// SPDX-License-Identifier: PostgreSQL
//
// The oids of our catalog tables in this database, looked up once and again after any of them may
// have come, changed or gone.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

namespace vecmesh
{

struct CatalogOids {
    Oid extension;
    Oid schema;
    Oid cluster;
    Oid node;
    Oid colocation;
    Oid distributed_table;
    Oid distributed_table_pkey;
    Oid shard;
    Oid shard_relation_idx;
    Oid placement;
    Oid placement_shard_idx;
};

/// nullptr when the extension is absent, half made or half gone.
const CatalogOids *find_catalog_oids();

/// Takes a relcache invalidation; true when it may concern our catalogs: the metadata cache is
/// stale.
bool catalog_oids_invalidated(Oid relation);

} // namespace vecmesh
