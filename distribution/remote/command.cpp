// SPDX-License-Identifier: PostgreSQL
//
// Commands with small answers: sent to any number of connections at once, waited for together.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "remote/connection_state.hpp"

extern "C" {
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace vecmesh
{

bool
send_query(Connection *connection, const char *sql)
{
    Assert(!busy(connection));
    clear_result(connection);
    if (connection->pg == nullptr || connection->doomed || !PQsendQuery(connection->pg, sql))
        return false;
    move_bytes(connection, WL_SOCKET_WRITEABLE);
    return true;
}

void
move_bytes(Connection *connection, uint32 fired)
{
    if (connection->pg == nullptr)
        return;
    if (fired & WL_SOCKET_READABLE)
        PQconsumeInput(connection->pg); // a broken connection shows in PQgetResult
    if (fired != 0 && (connection->unflushed || (fired & WL_SOCKET_WRITEABLE))) {
        connection->unflushed = PQflush(connection->pg) == 1;
        if (!connection->unflushed)
            connection->copy_unsent = 0;
    }
}

uint32
wanted_events(const Connection *connection)
{
    return WL_SOCKET_READABLE | (connection->unflushed ? WL_SOCKET_WRITEABLE : 0);
}

namespace
{

/// True when PQgetResult would not block. A lost connection counts: it has only errors to give.
bool
answer_ready(const Connection *connection)
{
    return PQstatus(connection->pg) == CONNECTION_BAD || !PQisBusy(connection->pg);
}

/// Throws away what a COPY TO STDOUT that nobody expected sends; true at its end.
bool
skip_copy_out(Connection *connection)
{
    char *data = nullptr;
    int length;
    while ((length = PQgetCopyData(connection->pg, &data, 1)) > 0)
        PQfreemem(data);
    return length < 0;
}

/// Takes the results that have arrived, keeping the first error or else the last one. True when the
/// command is over.
bool
take_results(Connection *connection)
{
    while (answer_ready(connection)) {
        PGresult *result = PQgetResult(connection->pg);
        if (result == nullptr)
            return true;
        const ExecStatusType status = PQresultStatus(result);
        if (connection->result != nullptr &&
            PQresultStatus(connection->result) == PGRES_FATAL_ERROR) {
            PQclear(result);
        } else {
            clear_result(connection);
            connection->result = result;
        }
        if (status == PGRES_COPY_IN)
            PQputCopyEnd(connection->pg, "COPY is not possible here");
        if (status == PGRES_COPY_OUT && !skip_copy_out(connection))
            return false;
    }
    return false;
}

} // namespace

bool
succeeded(const Connection *connection)
{
    if (connection->pg == nullptr || PQstatus(connection->pg) == CONNECTION_BAD ||
        connection->result == nullptr)
        return false;
    switch (PQresultStatus(connection->result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        return true;
    default:
        return false;
    }
}

namespace
{

/// True when an earlier command of the list still needs this connection.
bool
must_wait(const Command *commands, int index)
{
    for (int i = 0; i < index; i++) {
        if (commands[i].connection == commands[index].connection &&
            (commands[i].outcome == Outcome::waiting || commands[i].outcome == Outcome::running))
            return true;
    }
    return false;
}

void
advance(Command *commands, int index)
{
    Command *c = &commands[index];
    if (c->outcome == Outcome::waiting && !must_wait(commands, index))
        c->outcome = send_query(c->connection, c->sql) ? Outcome::running : Outcome::failed;
    if (c->outcome == Outcome::running && take_results(c->connection))
        c->outcome = succeeded(c->connection) ? Outcome::ok : Outcome::failed;
}

int
first_failure(const Command *commands, int count)
{
    for (int i = 0; i < count; i++) {
        if (commands[i].outcome == Outcome::failed || commands[i].outcome == Outcome::timed_out)
            return i;
    }
    return -1;
}

} // namespace

int
exchange(Command *commands, int count, TimestampTz deadline, bool stop_at_failure)
{
    auto *waits = static_cast<SocketWait *>(palloc(sizeof(SocketWait) * Max(count, 1)));
    auto *owners = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(count, 1)));
    for (int i = 0; i < count; i++)
        commands[i].outcome = Outcome::waiting;
    for (;;) {
        int n = 0;
        bool failed = false;
        for (int i = 0; i < count && !(failed && stop_at_failure); i++) {
            advance(commands, i);
            failed = failed || commands[i].outcome == Outcome::failed;
            if (commands[i].outcome != Outcome::running)
                continue;
            owners[n] = commands[i].connection;
            waits[n] = {PQsocket(owners[n]->pg), wanted_events(owners[n]), 0};
            n++;
        }
        if (n == 0 || (failed && stop_at_failure))
            break;
        if (!wait_for_sockets(waits, n, deadline)) {
            for (int i = 0; i < count; i++) {
                if (commands[i].outcome <= Outcome::running)
                    commands[i].outcome = Outcome::timed_out;
            }
            break;
        }
        for (int w = 0; w < n; w++)
            move_bytes(owners[w], waits[w].fired);
    }
    pfree(waits);
    pfree(owners);
    return first_failure(commands, count);
}

namespace
{

/// Ends what still runs outside a transaction, and waits for its end: a CREATE INDEX CONCURRENTLY
/// that went on after the error would meet the DROP INDEX that tidies up. Commands inside a
/// transaction are cancelled when ours aborts.
void
cancel_detached_commands(const Command *commands, int count)
{
    auto *running = static_cast<Connection **>(palloc(sizeof(Connection *) * count));
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (commands[i].outcome == Outcome::running && commands[i].connection->depth == 0)
            running[n++] = commands[i].connection;
    }
    discard_answers(running, n);
    pfree(running);
}

} // namespace

void
exchange_or_raise(Command *commands, int count)
{
    const int failed = exchange(commands, count, kNoDeadline, true);
    if (failed < 0)
        return;
    cancel_detached_commands(commands, count);
    Connection *connection = commands[failed].connection;
    PGresult *result = connection->result;
    connection->result = nullptr;
    raise_remote_error(connection, result, commands[failed].sql);
}

void
run_commands(Connection **connections, const char *const *sqls, int count)
{
    auto *commands = static_cast<Command *>(palloc(sizeof(Command) * Max(count, 1)));
    for (int i = 0; i < count; i++) {
        make_idle(connections[i]);
        commands[i] = {connections[i], sqls[i], Outcome::waiting};
    }
    exchange_or_raise(commands, count);
    for (int i = 0; i < count; i++)
        clear_result(connections[i]);
    pfree(commands);
}

void
run_command(Connection *connection, const char *sql)
{
    run_commands(&connection, &sql, 1);
}

namespace
{

struct ResultHolder {
    MemoryContextCallback callback;
    PGresult *result;
};

} // namespace

VX_CALLBACK(void, free_held_result, (void *arg), (arg))
{
    PQclear(static_cast<ResultHolder *>(arg)->result);
}

PGresult *
run_query(Connection *connection, const char *sql, MemoryContext context)
{
    auto *holder =
        static_cast<ResultHolder *>(MemoryContextAllocZero(context, sizeof(ResultHolder)));
    holder->callback.func = free_held_result;
    holder->callback.arg = holder;
    MemoryContextRegisterResetCallback(context, &holder->callback);

    Command command = {connection, sql, Outcome::waiting};
    make_idle(connection);
    exchange_or_raise(&command, 1);
    holder->result = connection->result;
    connection->result = nullptr;
    return holder->result;
}

bool
await_results(Connection **connections, int count, TimestampTz deadline)
{
    auto *waits = static_cast<SocketWait *>(palloc(sizeof(SocketWait) * Max(count, 1)));
    auto *owners = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(count, 1)));
    bool done = false;
    for (;;) {
        int n = 0;
        for (int i = 0; i < count; i++) {
            Connection *c = connections[i];
            if (!busy(c) || take_results(c))
                continue;
            owners[n] = c;
            waits[n] = {PQsocket(owners[n]->pg), wanted_events(owners[n]), 0};
            n++;
        }
        done = n == 0;
        if (done || !wait_for_sockets(waits, n, deadline))
            break;
        for (int w = 0; w < n; w++)
            move_bytes(owners[w], waits[w].fired);
    }
    pfree(waits);
    pfree(owners);
    return done;
}

bool
drain(Connection **connections, int count, TimestampTz deadline)
{
    const bool done = await_results(connections, count, deadline);
    for (int i = 0; i < count; i++)
        clear_result(connections[i]);
    return done;
}

void
discard_answers(Connection **connections, int count)
{
    auto *cancelled = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(count, 1)));
    auto *read_out = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(count, 1)));
    int cancelled_count = 0;
    int read_out_count = 0;
    for (int i = 0; i < count; i++) {
        Connection *c = connections[i];
        if (!busy(c))
            continue;
        detach_execution(c);
        move_bytes(c, WL_SOCKET_READABLE);
        if (take_results(c)) // most answers are complete already
            clear_result(c);
        else if (c->depth > 0)
            read_out[read_out_count++] = c; // a cancel would abort the worker's transaction
        else
            cancelled[cancelled_count++] = c;
    }
    if (cancelled_count > 0) {
        const TimestampTz deadline = deadline_after_ms(abort_timeout_ms);
        send_cancels(cancelled, cancelled_count, deadline);
        drain(cancelled, cancelled_count, deadline);
        for (int i = 0; i < cancelled_count; i++) {
            if (busy(cancelled[i]))
                close_connection(cancelled[i]);
        }
    }
    if (read_out_count > 0)
        drain(read_out, read_out_count, kNoDeadline);
    pfree(cancelled);
    pfree(read_out);
}

void
make_idle(Connection *connection)
{
    if (!busy(connection))
        return;
    if (connection->copying && connection->copy_gives_way != nullptr) {
        connection->copy_gives_way(connection->copy_argument);
        return;
    }
    if (connection->copying)
        elog(ERROR, "connection to worker \"%s\" is busy with COPY", connection->label);
    if (connection->execution != nullptr)
        buffer_rest(connection);
    else
        discard_answers(&connection, 1);
}

} // namespace vecmesh
