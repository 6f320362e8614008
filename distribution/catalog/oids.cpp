// SPDX-License-Identifier: PostgreSQL
//
// Every hook asks "is the extension here?" for every statement, so the answer is kept. It is thrown
// away when a relation that could change it does: one of our catalogs if we know them, any relation
// at all if we do not (creating the catalogs sends such an invalidation).
#include "pg/postgres.hpp"

#include "catalog/oids.hpp"

#include "catalog/metadata.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
}

namespace vecmesh
{

namespace
{

enum class Presence { unknown, absent, present };

Presence presence = Presence::unknown;
CatalogOids catalog_oids;

bool
look_up(CatalogOids *oids)
{
    oids->extension = get_extension_oid("vecmesh", true);
    if (!OidIsValid(oids->extension))
        return false;
    oids->schema = get_namespace_oid("vecmesh", true);
    if (!OidIsValid(oids->schema))
        return false;

    const struct {
        const char *name;
        Oid *oid;
    } relations[] = {
        {"cluster", &oids->cluster},
        {"node", &oids->node},
        {"colocation", &oids->colocation},
        {"distributed_table", &oids->distributed_table},
        {"distributed_table_pkey", &oids->distributed_table_pkey},
        {"shard", &oids->shard},
        {"shard_relation_idx", &oids->shard_relation_idx},
        {"placement", &oids->placement},
        {"placement_shard_id_group_id_key", &oids->placement_shard_idx},
    };

    for (const auto &relation : relations) {
        *relation.oid = get_relname_relid(relation.name, oids->schema);
        if (!OidIsValid(*relation.oid))
            return false;
    }
    return true;
}

} // namespace

const CatalogOids *
find_catalog_oids()
{
    // An aborted transaction cannot read catalogs, and has no business with ours.
    if (!IsTransactionState() || IsBinaryUpgrade)
        return nullptr;
    while (presence == Presence::unknown) {
        CatalogOids found;

        // An invalidation during the look-up sets it back to unknown: then look again.
        presence = Presence::absent;
        if (look_up(&found) && presence == Presence::absent) {
            catalog_oids = found;
            presence = Presence::present;
        }
    }
    if (presence == Presence::absent)
        return nullptr;
    if (creating_extension && CurrentExtensionObject == catalog_oids.extension)
        return nullptr;
    return &catalog_oids;
}

bool
catalog_oids_invalidated(Oid relation)
{
    if (presence == Presence::present && OidIsValid(relation) && relation != catalog_oids.cluster &&
        relation != catalog_oids.node && relation != catalog_oids.colocation &&
        relation != catalog_oids.distributed_table && relation != catalog_oids.shard &&
        relation != catalog_oids.placement)
        return false;

    const bool stale = presence == Presence::present || !OidIsValid(relation);
    presence = Presence::unknown;
    return stale;
}

bool
extension_ready()
{
    return find_catalog_oids() != nullptr;
}

} // namespace vecmesh
