// SPDX-License-Identifier: PostgreSQL
//
// Opening connections: any number at once, without blocking, with one deadline for all
// (vecmesh.connect_timeout). Only the look-up of a host name can block, inside libpq; numeric
// addresses and names in /etc/hosts do not.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "remote/connection_state.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
}

namespace vecmesh
{

namespace
{

constexpr int kMaxParameters = 64;

struct ConnectParameters {
    const char *keywords[kMaxParameters + 1];
    const char *values[kMaxParameters + 1];
    int count;

    void add(const char *keyword, const char *value)
    {
        if (count >= kMaxParameters)
            elog(ERROR, "too many connection parameters");
        keywords[count] = keyword;
        values[count++] = value;
        keywords[count] = values[count] = nullptr;
    }
};

/// Copies the options of vecmesh.node_conninfo; its check hook has seen that it parses.
void
add_configured_parameters(ConnectParameters *parameters)
{
    if (node_conninfo == nullptr || node_conninfo[0] == '\0')
        return;
    PQconninfoOption *options = PQconninfoParse(node_conninfo, nullptr);
    if (options == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not read vecmesh.node_conninfo")));
    int count = 0;
    for (const PQconninfoOption *o = options; o->keyword != nullptr; o++) {
        if (o->val == nullptr || count >= kMaxParameters / 2)
            continue;
        // libpq's own memory is copied with a call that cannot raise before it is freed
        auto *copy = static_cast<char *>(
            palloc_extended(strlen(o->keyword) + strlen(o->val) + 2, MCXT_ALLOC_NO_OOM));
        if (copy == nullptr)
            break;
        strcpy(copy, o->keyword);
        char *value = copy + strlen(copy) + 1;
        strcpy(value, o->val);
        parameters->keywords[parameters->count] = copy;
        parameters->values[parameters->count++] = value;
        count++;
    }
    parameters->keywords[parameters->count] = parameters->values[parameters->count] = nullptr;
    PQconninfoFree(options);
}

/// Notices would go to the server's stderr. An error that arrives while nothing runs comes this
/// way, too: the worker is shutting down and says goodbye.
void
receive_notice(void *arg, const PGresult *notice)
{
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity != nullptr && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        static_cast<Connection *>(arg)->doomed = true;
}

void
start_connecting(Connection *connection)
{
    ConnectParameters parameters = {};
    char port[16];
    snprintf(port, sizeof(port), "%d", connection->port);

    // Later ones win: the administrator may change how long a silent host is believed in.
    parameters.add("fallback_application_name", "vecmesh");
    parameters.add("keepalives_idle", "5");
    parameters.add("keepalives_interval", "2");
    parameters.add("keepalives_count", "3");
    parameters.add("tcp_user_timeout", "10000");
    add_configured_parameters(&parameters);
    parameters.add("host", connection->host);
    parameters.add("port", port);
    parameters.add("dbname", connection->dbname);
    parameters.add("user", GetUserNameFromId(connection->user, false));
    parameters.add("client_encoding", GetDatabaseEncodingName());

    if (!AcquireExternalFD())
        ereport(ERROR, (errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
                        errmsg("could not connect to worker \"%s\"", connection->label),
                        errdetail("There are too many open files on the local server."),
                        errhint("Raise the server's max_files_per_process and/or \"ulimit -n\" "
                                "limits.")));
    connection->pg = PQconnectStartParams(parameters.keywords, parameters.values, 0);
    if (connection->pg == nullptr) {
        ReleaseExternalFD();
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    }
    connection->connecting = true;
    connection->connect_events = WL_SOCKET_WRITEABLE;
}

/// Takes the next step of one connection attempt; nullptr, or why it failed.
const char *
poll_connecting(Connection *connection)
{
    switch (PQstatus(connection->pg) == CONNECTION_BAD ? PGRES_POLLING_FAILED
                                                       : PQconnectPoll(connection->pg)) {
    case PGRES_POLLING_OK:
        connection->connecting = false;
        PQsetNoticeReceiver(connection->pg, receive_notice, connection);
        return PQsetnonblocking(connection->pg, 1) == 0 ? nullptr : PQerrorMessage(connection->pg);
    case PGRES_POLLING_READING:
        connection->connect_events = WL_SOCKET_READABLE;
        return nullptr;
    case PGRES_POLLING_WRITING:
        connection->connect_events = WL_SOCKET_WRITEABLE;
        return nullptr;
    default:
        return PQerrorMessage(connection->pg);
    }
}

int
collect_waits(Connection **connections, int count, SocketWait *waits, int *owners)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        const Connection *c = connections[i];
        if (c->pg == nullptr || !c->connecting)
            continue;
        waits[n] = {PQsocket(c->pg), c->connect_events, 0};
        owners[n++] = i;
    }
    return n;
}

void
give_up(Connection *connection, char **reason, const char *text)
{
    *reason = pchomp(text);
    close_connection(connection);
}

} // namespace

void
connect_all(Connection **connections, int count, char **reasons)
{
    for (int i = 0; i < count; i++) {
        reasons[i] = nullptr;
        if (connections[i]->pg != nullptr && connections[i]->connecting)
            close_connection(connections[i]); // left over from an attempt that was interrupted
    }
    for (int i = 0; i < count; i++) {
        if (connections[i]->pg == nullptr) {
            start_connecting(connections[i]);
            if (PQstatus(connections[i]->pg) == CONNECTION_BAD)
                give_up(connections[i], &reasons[i], PQerrorMessage(connections[i]->pg));
        }
    }

    auto *waits = static_cast<SocketWait *>(palloc(sizeof(SocketWait) * (count + 1)));
    auto *owners = static_cast<int *>(palloc(sizeof(int) * (count + 1)));
    const TimestampTz deadline = deadline_after_ms(connect_timeout_ms);
    for (;;) {
        const int n = collect_waits(connections, count, waits, owners);
        if (n == 0)
            break;
        if (!wait_for_sockets(waits, n, deadline)) {
            for (int w = 0; w < n; w++)
                give_up(connections[owners[w]], &reasons[owners[w]],
                        psprintf("no answer within %d ms (vecmesh.connect_timeout)",
                                 connect_timeout_ms));
            break;
        }
        for (int w = 0; w < n; w++) {
            Connection *c = connections[owners[w]];
            if (waits[w].fired == 0 || !c->connecting) // a connection may be listed twice
                continue;
            if (const char *reason = poll_connecting(c))
                give_up(c, &reasons[owners[w]], reason);
        }
    }
    pfree(waits);
    pfree(owners);
}

VX_CALLBACK(void, close_detached, (void *arg), (arg))
{
    close_connection(static_cast<Connection *>(arg));
}

Connection *
make_detached_connection(const char *host, int port, const char *dbname, MemoryContext context)
{
    auto *holder = static_cast<MemoryContextCallback *>(
        MemoryContextAllocZero(context, sizeof(MemoryContextCallback)));
    auto *connection =
        static_cast<Connection *>(MemoryContextAllocZero(context, sizeof(Connection)));
    connection->group_id = kDetachedGroup;
    connection->user = GetUserId();
    connection->context = context;
    connection->host = MemoryContextStrdup(context, host);
    connection->port = port;
    connection->dbname = MemoryContextStrdup(context, dbname);
    char *label = psprintf("%s:%d/%s", host, port, dbname);
    connection->label = MemoryContextStrdup(context, label);
    pfree(label);
    holder->func = close_detached;
    holder->arg = connection;
    MemoryContextRegisterResetCallback(context, holder);
    return connection;
}

} // namespace vecmesh
