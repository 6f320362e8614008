// SPDX-License-Identifier: PostgreSQL
//
// Follows the local transaction: where it begins, nests and ends, its workers do the same.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "transaction/transaction.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
}

namespace vecmesh
{

namespace
{

bool connections_used = false;

const char *
isolation_level()
{
    if (IsolationIsSerializable())
        return "SERIALIZABLE";
    return IsolationUsesXactSnapshot() ? "REPEATABLE READ" : "READ COMMITTED";
}

/// A single statement that only reads needs no transaction on the worker; anything that must be
/// undone, or seen together with another statement, does.
bool
needs_transaction(const Connection *connection, Access access)
{
    return connection->depth > 0 || access == Access::write || IsTransactionBlock() ||
           IsolationUsesXactSnapshot();
}

/// RELEASEs the savepoints of a subtransaction that commits.
void
release_savepoints(int level)
{
    Connection **open;
    const int n =
        select_connections(&open, [level](const Connection *c) { return c->depth >= level; });
    if (n == 0) {
        pfree(open);
        return;
    }
    char sql[64];
    snprintf(sql, sizeof(sql), "RELEASE SAVEPOINT s%d", level);
    auto *commands = static_cast<Command *>(palloc(sizeof(Command) * n));
    for (int i = 0; i < n; i++) {
        if (open[i]->doomed || open[i]->changing || open[i]->depth > level)
            raise_remote_error(open[i], nullptr, sql);
        make_idle(open[i]);
        commands[i] = {open[i], sql, Outcome::waiting};
    }
    for (int i = 0; i < n; i++)
        open[i]->changing = true;
    exchange_or_raise(commands, n);
    for (int i = 0; i < n; i++) {
        clear_result(open[i]);
        open[i]->changing = false;
        open[i]->depth = level - 1;
    }
    pfree(commands);
    pfree(open);
}

/// PREPARE TRANSACTION of a user's own: the workers' parts could not wait with it.
void
refuse_prepare()
{
    Connection **written;
    const int n = select_connections(&written, [](const Connection *c) { return c->written; });
    if (n > 0)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("cannot PREPARE a transaction that has written to distributed tables"),
                 errhint("COMMIT is atomic over all workers by itself.")));
    pfree(written);
    commit_workers(); // readers only
}

/// The transaction is over here and there: what remains of it in the cache.
void
forget_transaction()
{
    for (Connection *c = first_connection(); c != nullptr; c = c->next) {
        c->depth = 0;
        c->written = false;
        c->prepared = Prepared::no;
        c->table = InvalidOid;
        clear_result(c);
        if (c->doomed || c->changing || c->connecting)
            close_connection(c);
    }
    connections_used = false;
}

} // namespace

VX_CALLBACK(void, follow_transaction, (XactEvent event, [[maybe_unused]] void *arg), (event, arg))
{
    if (!connections_used)
        return;
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
        commit_workers();
        break;
    case XACT_EVENT_PRE_PREPARE:
        refuse_prepare();
        break;
    case XACT_EVENT_COMMIT:
        commit_prepared_workers();
        forget_transaction();
        break;
    case XACT_EVENT_PREPARE:
        forget_transaction();
        break;
    case XACT_EVENT_ABORT:
        abort_workers();
        forget_transaction();
        break;
    default: // parallel workers have no connections
        break;
    }
}

VX_CALLBACK(void, follow_subtransaction,
            (SubXactEvent event, [[maybe_unused]] SubTransactionId id,
             [[maybe_unused]] SubTransactionId parent, [[maybe_unused]] void *arg),
            (event, id, parent, arg))
{
    if (!connections_used)
        return;
    if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
        release_savepoints(GetCurrentTransactionNestLevel());
    else if (event == SUBXACT_EVENT_ABORT_SUB)
        abort_worker_savepoints(GetCurrentTransactionNestLevel());
}

void
note_connections_used()
{
    connections_used = true;
}

void
append_transaction_start(const Connection *connection, Access access, StringInfo sql)
{
    if (!needs_transaction(connection, access))
        return;
    int depth = connection->depth;
    if (depth == 0) {
        appendStringInfo(sql, "BEGIN ISOLATION LEVEL %s %s; ", isolation_level(),
                         XactReadOnly ? "READ ONLY" : "READ WRITE");
        depth = 1;
    }
    for (const int level = GetCurrentTransactionNestLevel(); depth < level;)
        appendStringInfo(sql, "SAVEPOINT s%d; ", ++depth);
}

void
note_transaction_started(Connection *connection, Access access)
{
    if (!needs_transaction(connection, access))
        return;
    connection->depth = GetCurrentTransactionNestLevel();
    connection->written = connection->written || access == Access::write;
}

void
register_transaction_callbacks()
{
    define_fault_setting();
    RegisterXactCallback(follow_transaction, nullptr);
    RegisterSubXactCallback(follow_subtransaction, nullptr);
}

} // namespace vecmesh
