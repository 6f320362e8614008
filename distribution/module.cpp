// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.so: the module magic and what happens when the library is loaded.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "ddl/utility_hook.hpp"
#include "pg/entry.hpp"
#include "planner/modify_plan.hpp"
#include "planner/planner.hpp"
#include "remote/connection.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/guc.h"
}

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

/// The hooks must be there before the first statement of every session: a session without them
/// would find distributed tables empty.
void
_PG_init(void)
{
    if (!process_shared_preload_libraries_in_progress)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("vecmesh can only be loaded through shared_preload_libraries"),
                        errhint("Add vecmesh to shared_preload_libraries in postgresql.conf and "
                                "restart the server.")));
    vecmesh::register_metadata_callbacks();
    vecmesh::register_connection_callbacks();
    vecmesh::register_planner_hooks();
    vecmesh::register_write_planner();
    vecmesh::register_utility_hook();
    MarkGUCPrefixReserved("vecmesh"); // last: removes settings of that name that nobody defined
}
