// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "ddl/utility_hook.hpp"

#include "ddl/distribute.hpp"
#include "ddl/pinned_settings.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

ProcessUtility_hook_type next_hook = nullptr;

/// True when the command was done here.
bool
handle(const UtilityCall &call)
{
    switch (nodeTag(call.statement->utilityStmt)) {
    case T_CopyStmt:
        return copy_from(call) || copy_to(call);
    case T_TruncateStmt:
        return truncate(call);
    case T_IndexStmt:
        return create_index(call);
    case T_DropStmt:
        return drop_index(call);
    case T_ReindexStmt:
        return reindex(call);
    case T_VacuumStmt:
        return vacuum(call);
    case T_GrantStmt:
        return grant(call);
    default:
        refuse_unsupported(call.statement->utilityStmt);
        return false;
    }
}

} // namespace

void
run_local(const UtilityCall &call)
{
    ProcessUtility_hook_type next = next_hook != nullptr ? next_hook : standard_ProcessUtility;

    next(call.statement, call.query_string, call.read_only_tree, call.context, call.parameters,
         call.environment, call.destination, call.completion);
}

void
run_local_quietly(const UtilityCall &call)
{
    const int level = pin_quiet();

    run_local(call);
    unpin_settings(level);
}

void
run_local_watching(const UtilityCall &call, const List *tables)
{
    ListCell *cell;

    run_local(call);
    foreach (cell, tables)
        if (find_distributed_table(lfirst_oid(cell)) != nullptr)
            ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                            errmsg("table \"%s\" was distributed at the same time",
                                   get_rel_name(lfirst_oid(cell))),
                            errhint("Try again.")));
}

Oid
find_table_oid(const RangeVar *name)
{
    const Oid relation = name == nullptr ? InvalidOid : RangeVarGetRelid(name, NoLock, true);

    if (!OidIsValid(relation) || get_rel_relkind(relation) != RELKIND_INDEX)
        return relation;
    return IndexGetRelation(relation, true);
}

const DistributedTable *
find_named_table(const RangeVar *name)
{
    return find_distributed_table(find_table_oid(name));
}

VX_CALLBACK(void, process_utility,
            (PlannedStmt * statement, const char *query_string, bool read_only_tree,
             ProcessUtilityContext context, ParamListInfo parameters, QueryEnvironment *environment,
             DestReceiver *destination, QueryCompletion *completion),
            (statement, query_string, read_only_tree, context, parameters, environment, destination,
             completion))
{
    const UtilityCall call = {statement,  query_string, read_only_tree, context,
                              parameters, environment,  destination,    completion};

    // An aborted transaction hears nothing but ROLLBACK; extension_ready() is false in it.
    if (!extension_ready() || !handle(call))
        run_local(call);
}

void
register_utility_hook()
{
    DefineCustomIntVariable("vecmesh.shard_count", "Number of shards of a new distributed table.",
                            "0 means one per worker. create_distributed_table(shard_count => n) "
                            "overrides it.",
                            &default_shard_count_setting, 0, 0, 4096, PGC_USERSET, 0, nullptr,
                            nullptr, nullptr);
    next_hook = ProcessUtility_hook;
    ProcessUtility_hook = process_utility;
    register_object_access_hook();
}

} // namespace vecmesh
