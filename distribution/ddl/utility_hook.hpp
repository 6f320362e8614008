// SPDX-License-Identifier: PostgreSQL
//
// The ProcessUtility hook: which commands on distributed tables are handled, by which file, and
// that all others are refused. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "catalog/metadata.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "tcop/utility.h"
}

namespace vecmesh
{

/// The arguments of the hook, handed through to the next one.
struct UtilityCall {
    PlannedStmt *statement;
    const char *query_string;
    bool read_only_tree;
    ProcessUtilityContext context;
    ParamListInfo parameters;
    QueryEnvironment *environment;
    DestReceiver *destination;
    QueryCompletion *completion;
};

/// The rest of the chain: PostgreSQL's own doing of the command.
void run_local(const UtilityCall &call);

/// The same with notices held back: see pin_quiet().
void run_local_quietly(const UtilityCall &call);

/// run_local() for a command on these tables (oids), which were not distributed when it was looked
/// up: raises when another session has distributed one by the time that the command had its lock.
void run_local_watching(const UtilityCall &call, const List *tables);

/// The table a RangeVar names, itself or through one of its indexes; InvalidOid when it does not
/// exist.
Oid find_table_oid(const RangeVar *name);

/// The distributed table a RangeVar names, itself or through one of its indexes; nullptr for
/// anything else, also for what does not exist (PostgreSQL will say so).
const DistributedTable *find_named_table(const RangeVar *name);

/// Commands on a distributed table. Each returns false when it is not its business.
bool copy_from(const UtilityCall &call);
bool copy_to(const UtilityCall &call);
bool truncate(const UtilityCall &call);
bool create_index(const UtilityCall &call);
bool drop_index(const UtilityCall &call);
bool reindex(const UtilityCall &call);
bool vacuum(const UtilityCall &call);
bool grant(const UtilityCall &call);

/// Raises when the command would change a distributed table in a way that is not handled.
void refuse_unsupported(Node *statement);

/// Installs the object-access hook behind refuse_unsupported().
void register_object_access_hook();

/// GUCs and hooks; called once from _PG_init.
void register_utility_hook();

} // namespace vecmesh
