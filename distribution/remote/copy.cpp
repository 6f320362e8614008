// SPDX-License-Identifier: PostgreSQL
//
// COPY … FROM STDIN to workers. One backend feeds many streams: data is queued and flushed as far
// as the socket takes it, and only a stream with more than vecmesh.copy_buffer_size unsent makes
// the backend wait. An error on the worker is reported when the stream is finished: until then the
// protocol gives no way to tell it from a notice.
#include "pg/postgres.hpp"

#include "remote/connection_state.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace vecmesh
{

namespace
{

[[noreturn]] void
raise_held(Connection *connection, const char *sql)
{
    PGresult *result = connection->result;
    connection->result = nullptr;
    raise_remote_error(connection, result, sql);
}

void
wait_to_send(Connection *connection)
{
    SocketWait wait = {PQsocket(connection->pg), WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE, 0};
    wait_for_sockets(&wait, 1, kNoDeadline);
    move_bytes(connection, wait.fired);
    if (PQstatus(connection->pg) == CONNECTION_BAD)
        raise_remote_error(connection, nullptr, nullptr);
}

/// Waits for the next result and holds it.
ExecStatusType
await_result(Connection *connection)
{
    while (PQstatus(connection->pg) != CONNECTION_BAD && PQisBusy(connection->pg)) {
        SocketWait wait = {PQsocket(connection->pg), wanted_events(connection), 0};
        wait_for_sockets(&wait, 1, kNoDeadline);
        move_bytes(connection, wait.fired);
    }
    clear_result(connection);
    connection->result = PQgetResult(connection->pg);
    return PQresultStatus(connection->result);
}

} // namespace

void
start_copy(Connection *connection, const char *sql, void (*give_way)(void *), void *argument)
{
    make_idle(connection);
    if (!send_query(connection, sql))
        raise_held(connection, sql);
    if (await_result(connection) != PGRES_COPY_IN)
        raise_held(connection, sql);
    clear_result(connection);
    connection->copying = true;
    connection->copy_unsent = 0;
    connection->copy_gives_way = give_way;
    connection->copy_argument = argument;
}

void
send_copy_data(Connection *connection, const char *data, int length)
{
    Assert(connection->copying);
    int queued;
    while ((queued = PQputCopyData(connection->pg, data, length)) == 0)
        wait_to_send(connection);
    if (queued < 0)
        raise_remote_error(connection, nullptr, nullptr);
    connection->copy_unsent += length;
    move_bytes(connection, WL_SOCKET_WRITEABLE);
    while (connection->copy_unsent > static_cast<int64>(copy_buffer_kb) * 1024)
        wait_to_send(connection);
}

void
finish_copies(Connection **connections, int count, int64 *rows)
{
    for (int i = 0; i < count; i++) {
        Connection *c = connections[i];
        int queued;
        while ((queued = PQputCopyEnd(c->pg, nullptr)) == 0)
            wait_to_send(c);
        if (queued < 0)
            raise_remote_error(c, nullptr, nullptr);
        c->copying = false;
        move_bytes(c, WL_SOCKET_WRITEABLE);
    }
    await_results(connections, count, kNoDeadline);
    for (int i = 0; i < count; i++) {
        if (!succeeded(connections[i]))
            raise_held(connections[i], nullptr);
        rows[i] = strtoll(PQcmdTuples(connections[i]->result), nullptr, 10);
        clear_result(connections[i]);
    }
}

int64
finish_copy(Connection *connection)
{
    int64 rows = 0;
    finish_copies(&connection, 1, &rows);
    return rows;
}

} // namespace vecmesh
