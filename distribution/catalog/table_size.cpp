// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.table_size(): asked of the workers when it is wanted; nothing of it is kept here.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "remote/connection.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

#include "pg/entry.hpp"

VX_FUNCTION(vecmesh_table_size)
{
    const Oid relation = PG_GETARG_OID(0);
    const vecmesh::DistributedTable *table = vecmesh::get_distributed_table(relation);
    int64 total = 0;

    if (pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relation));
    for (int i = 0; i < table->group_count; i++) {
        const char *separator = "SELECT sum(pg_total_relation_size(r)) FROM unnest(ARRAY[";
        vecmesh::Connection *connection;
        StringInfoData sql;

        initStringInfo(&sql);
        for (int k = 0; k < table->shard_count; k++) {
            if (table->shards[k].group_id != table->groups[i])
                continue;
            appendStringInfo(&sql, "%s%s::regclass", separator,
                             quote_literal_cstr(vecmesh::shard_qualified_name(
                                 relation, table->shards[k].shard_id)));
            separator = ", ";
        }
        appendStringInfoString(&sql, "]) AS r");
        vecmesh::claim_connections(&table->groups[i], 1, vecmesh::Access::read, relation,
                                   &connection);

        const PGresult *result = vecmesh::run_query(connection, sql.data, CurrentMemoryContext);

        total += strtoll(PQgetvalue(result, 0, 0), nullptr, 10);
    }
    PG_RETURN_INT64(total);
}
