// SPDX-License-Identifier: PostgreSQL
//
// Names of shards and of their indexes and constraints.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"

extern "C" {
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

char *
shard_object_name(const char *base, int64 shard_id)
{
    char suffix[NAMEDATALEN];
    const int length = static_cast<int>(strlen(base));
    int suffix_length = snprintf(suffix, sizeof(suffix), "_" INT64_FORMAT, shard_id);

    if (length + suffix_length >= NAMEDATALEN) {
        // Two long names that differ at the end only must stay different after the clipping.
        const uint32 hash = hash_bytes(reinterpret_cast<const unsigned char *>(base), length);

        suffix_length = snprintf(suffix, sizeof(suffix), "_%08x_" INT64_FORMAT, hash, shard_id);
    }
    const int kept = pg_mbcliplen(base, length, NAMEDATALEN - 1 - suffix_length);

    return psprintf("%.*s%s", kept, base, suffix);
}

char *
shard_qualified_name(Oid relation, int64 shard_id)
{
    const char *schema = get_namespace_name(get_rel_namespace(relation));
    const char *name = get_rel_name(relation);

    if (schema == nullptr || name == nullptr)
        elog(ERROR, "cache lookup failed for relation %u", relation);
    return quote_qualified_identifier(schema, shard_object_name(name, shard_id));
}

} // namespace vecmesh

VX_FUNCTION(vecmesh_shard_object_name)
{
    const char *name = vecmesh::shard_object_name(NameStr(*PG_GETARG_NAME(0)), PG_GETARG_INT64(1));

    return DirectFunctionCall1(namein, CStringGetDatum(name));
}
