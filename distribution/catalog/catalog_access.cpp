// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "catalog/catalog_access.hpp"

#include "catalog/oids.hpp"
#include "ddl/pinned_settings.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

const CatalogOids *
get_catalog_oids()
{
    const CatalogOids *oids = find_catalog_oids();

    if (oids == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("extension \"vecmesh\" is not installed in this database")));
    return oids;
}

Oid
catalog_owner()
{
    Relation catalog = table_open(get_catalog_oids()->distributed_table, AccessShareLock);
    const Oid owner = catalog->rd_rel->relowner;

    table_close(catalog, AccessShareLock);
    return owner;
}

int64
first_number()
{
    if (SPI_processed == 0 || SPI_tuptable == nullptr)
        return 0;

    bool is_null;
    const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);

    if (is_null)
        return 0;
    return SPI_gettypeid(SPI_tuptable->tupdesc, 1) == INT8OID ? DatumGetInt64(value)
                                                              : DatumGetInt32(value);
}

} // namespace

uint64
run_catalog_statement(const char *sql, const CatalogArguments &arguments, int64 *result)
{
    Oid user;
    int security_context;
    const Oid owner = catalog_owner();
    const int level = pin_search_path();

    GetUserIdAndSecContext(&user, &security_context);
    SetUserIdAndSecContext(owner,
                           security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");

    const int status =
        SPI_execute_with_args(sql, arguments.count, const_cast<Oid *>(arguments.types),
                              const_cast<Datum *>(arguments.values), nullptr, false, 0);

    if (status < 0)
        elog(ERROR, "catalog statement failed: %s", SPI_result_code_string(status));

    const uint64 processed = SPI_processed;

    if (result != nullptr)
        *result = first_number();
    SPI_finish();
    unpin_settings(level);
    SetUserIdAndSecContext(user, security_context);
    return processed;
}

void
lock_catalog(const char *name)
{
    const Oid relation = get_relname_relid(name, get_catalog_oids()->schema);

    if (!OidIsValid(relation))
        elog(ERROR, "catalog vecmesh.%s does not exist", name);
    LockRelationOid(relation, ShareRowExclusiveLock);
}

} // namespace vecmesh
