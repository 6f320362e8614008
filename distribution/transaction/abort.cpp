// SPDX-License-Identifier: PostgreSQL
//
// Abort: cancel what runs on the workers, read it out, roll back. PostgreSQL holds interrupts off
// here, and an error would only bring us here again, so nothing raises and all of it together takes
// at most about vecmesh.abort_timeout; a connection that is not at rest by then is closed, which
// rolls back on the worker as surely.
#include "pg/postgres.hpp"

#include "transaction/transaction.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vecmesh
{

namespace
{

void
stop_answers(Connection **connections, int count, TimestampTz deadline)
{
    auto *running = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(count, 1)));
    int n = 0;
    for (int i = 0; i < count; i++) {
        Connection *c = connections[i];
        detach_execution(c);
        if (c->copying && c->pg != nullptr)
            PQputCopyEnd(c->pg, "the transaction is aborted");
        c->copying = false;
        if (busy(c))
            running[n++] = c;
    }
    if (n > 0) {
        send_cancels(running, n, deadline);
        drain(running, n, deadline);
    }
    pfree(running);
}

bool
is_idle(const Connection *connection)
{
    return connection->pg != nullptr && !connection->connecting && !connection->doomed &&
           PQstatus(connection->pg) == CONNECTION_OK && !busy(connection);
}

const char *
abort_command(const Connection *connection)
{
    if (connection->prepared != Prepared::no)
        return psprintf("ROLLBACK PREPARED '%s'", connection->gid);
    switch (PQtransactionStatus(connection->pg)) {
    case PQTRANS_INTRANS:
    case PQTRANS_INERROR:
        return "ROLLBACK";
    default:
        return nullptr;
    }
}

/// PREPARE that failed leaves nothing to roll back.
bool
nothing_prepared(const Connection *connection)
{
    const char *sqlstate = PQresultErrorField(connection->result, PG_DIAG_SQLSTATE);
    return connection->prepared != Prepared::no && sqlstate != nullptr &&
           strcmp(sqlstate, "42704") == 0;
}

void
warn_left_prepared(const Connection *connection)
{
    ereport(WARNING,
            (errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
             errmsg("transaction \"%s\" may still be prepared on worker \"%s\"", connection->gid,
                    connection->label),
             errhint("SELECT vecmesh.recover_prepared_transactions() rolls it back once the worker "
                     "answers.")));
}

void
give_up(Connection *connection)
{
    if (connection->prepared != Prepared::no)
        warn_left_prepared(connection);
    close_connection(connection);
}

void
roll_back(Connection **connections, int count, TimestampTz deadline)
{
    auto *commands = static_cast<Command *>(palloc(sizeof(Command) * Max(count, 1)));
    int n = 0;
    for (int i = 0; i < count; i++) {
        Connection *c = connections[i];
        if (!is_idle(c)) {
            give_up(c);
        } else if (const char *sql = abort_command(c)) {
            commands[n++] = {c, sql, Outcome::waiting};
        }
    }
    exchange(commands, n, deadline, false);
    for (int i = 0; i < n; i++) {
        Connection *c = commands[i].connection;
        if (commands[i].outcome != Outcome::ok && !nothing_prepared(c))
            give_up(c);
        clear_result(c);
    }
    pfree(commands);
}

} // namespace

void
abort_workers()
{
    Connection **all;
    const int n = select_connections(
        &all, [](const Connection *c) { return c->pg != nullptr || c->prepared != Prepared::no; });
    if (in_error_recursion_trouble()) {
        for (int i = 0; i < n; i++)
            close_connection(all[i]);
        return;
    }
    const TimestampTz deadline = deadline_after_ms(abort_timeout_ms);
    stop_answers(all, n, deadline);
    roll_back(all, n, deadline);
    for (int i = 0; i < n; i++) {
        all[i]->settings_known = false; // SET went with the transaction
        all[i]->changing = false;
    }
    pfree(all);
}

void
abort_worker_savepoints(int level)
{
    Connection **touched;
    const int n = select_connections(&touched, [level](const Connection *c) {
        return c->depth >= level || c->changing || c->connecting;
    });
    const TimestampTz deadline = deadline_after_ms(abort_timeout_ms);
    if (n > 0)
        stop_answers(touched, n, deadline);

    auto *commands = static_cast<Command *>(palloc(sizeof(Command) * Max(n, 1)));
    int count = 0;
    for (int i = 0; i < n; i++) {
        Connection *c = touched[i];
        c->settings_known = false;
        if (c->connecting) {
            close_connection(c);
        } else if (c->depth == 0) { // its BEGIN was interrupted
            close_connection(c);
        } else if (c->changing || !is_idle(c)) {
            c->doomed =
                true; // which savepoints exist is not known: the whole transaction must fail
        } else {
            commands[count++] = {
                c, psprintf("ROLLBACK TO SAVEPOINT s%d; RELEASE SAVEPOINT s%d", level, level),
                Outcome::waiting};
        }
        c->depth = Min(c->depth, level - 1);
    }
    exchange(commands, count, deadline, false);
    for (int i = 0; i < count; i++) {
        if (commands[i].outcome != Outcome::ok)
            commands[i].connection->doomed = true;
        clear_result(commands[i].connection);
    }
    pfree(commands);
    pfree(touched);
}

} // namespace vecmesh
