// SPDX-License-Identifier: PostgreSQL
//
// The workers' part in the local transaction. The state machine, the argument for the order of
// commit, and what each crash point leads to are in transaction/README.md.
#pragma once

#include "remote/connection_state.hpp"

extern "C" {
#include "access/htup.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
}

namespace vecmesh
{

/// Something of this transaction may have to be undone or finished on a worker.
void note_connections_used();

/// Appends BEGIN and SAVEPOINTs that bring the worker to the local nesting level, if it has to be
/// in a transaction at all.
void append_transaction_start(const Connection *connection, Access access, StringInfo sql);
/// The worker has done what append_transaction_start() said.
void note_transaction_started(Connection *connection, Access access);

void register_transaction_callbacks();

// commit.cpp
/// XACT_EVENT_PRE_COMMIT: one-phase commit or PREPARE; raises when a worker cannot.
void commit_workers();
/// XACT_EVENT_COMMIT: COMMIT PREPARED. Never raises; what fails is in doubt and gets a WARNING.
void commit_prepared_workers();

// abort.cpp
/// XACT_EVENT_ABORT. Never raises; a connection that cannot be brought to rest is closed.
void abort_workers();
/// SUBXACT_EVENT_ABORT_SUB, the same for one level.
void abort_worker_savepoints(int level);

// record.cpp
constexpr int32 kCoordinatorGroup = 0;
/// A table of schema vecmesh; raises when the extension is gone.
Relation open_mesh_table(const char *name, LOCKMODE mode);
/// The prefix of this coordinator's gids: "vecmesh_<cluster id>_<group>_"; palloc'd.
char *gid_prefix();
/// One commit record per prepared connection, in the local transaction; removes those of earlier
/// transactions of this session that are finished everywhere.
void write_commit_records(Connection **connections, int count);
/// The COMMIT PREPARED of this gid has succeeded: its record may go.
void note_record_finished(int32 group_id, const char *gid);
bool has_commit_record(Relation records, Snapshot snapshot, int32 group_id, const char *gid);
void delete_commit_record(Relation records, HeapTuple tuple);

// fault.cpp
/// For crash tests: does what vecmesh.fault says about this point.
void fault_point(const char *name);
bool fault_is_set(const char *name);
void define_fault_setting();

/// Connections of the cache that satisfy the predicate, palloc'd.
template <class Predicate>
int
select_connections(Connection ***selected, Predicate &&predicate)
{
    int n = 0;
    for (const Connection *c = first_connection(); c != nullptr; c = c->next)
        n++;
    *selected = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(n, 1)));
    n = 0;
    for (Connection *c = first_connection(); c != nullptr; c = c->next) {
        if (predicate(c))
            (*selected)[n++] = c;
    }
    return n;
}

} // namespace vecmesh
