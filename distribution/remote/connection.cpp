// SPDX-License-Identifier: PostgreSQL
//
// The cache of connections, and claiming them for a statement.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "pg/entry.hpp"
#include "remote/connection_state.hpp"
#include "transaction/transaction.hpp"

extern "C" {
#include "access/parallel.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
}

#include <cerrno>
#include <sys/socket.h>

namespace vecmesh
{

int connect_timeout_ms = 5000;
int abort_timeout_ms = 2000;
int commit_timeout_ms = 30000;
int copy_buffer_kb = 1024;
char *node_conninfo = nullptr;
char *propagated_settings = nullptr;

namespace
{

Connection *cache = nullptr;
MemoryContext cache_context = nullptr;

Connection *
find_cached(int32 group_id, Oid user)
{
    for (Connection *c = cache; c != nullptr; c = c->next) {
        if (c->group_id == group_id && c->user == user)
            return c;
    }
    return nullptr;
}

Connection *
add_to_cache(int32 group_id, Oid user)
{
    if (cache_context == nullptr)
        cache_context =
            AllocSetContextCreate(TopMemoryContext, "vecmesh connections", ALLOCSET_SMALL_SIZES);
    auto *c = static_cast<Connection *>(MemoryContextAllocZero(cache_context, sizeof(Connection)));
    c->context = cache_context;
    c->group_id = group_id;
    c->user = user;
    c->next = cache;
    cache = c;
    return c;
}

bool
same_address(const Connection *c, const ClusterNode *node)
{
    return c->host != nullptr && c->port == node->port && strcmp(c->host, node->host) == 0 &&
           strcmp(c->dbname, node->dbname) == 0;
}

void
set_address(Connection *c, const ClusterNode *node)
{
    char *host = MemoryContextStrdup(c->context, node->host);
    char *dbname = MemoryContextStrdup(c->context, node->dbname);
    char *text = psprintf("%s:%d/%s", host, node->port, dbname);
    char *label = MemoryContextStrdup(c->context, text);
    pfree(text);
    if (c->host != nullptr) {
        pfree(c->host);
        pfree(c->dbname);
        pfree(c->label);
    }
    c->host = host;
    c->port = node->port;
    c->dbname = dbname;
    c->label = label;
}

/// An idle connection whose worker went away has a farewell or an end-of-file to be read: one
/// system call finds that out, and the statement goes over a new connection instead of failing.
bool
worker_hung_up(const Connection *c)
{
    if (busy(c))
        return false;
    char byte;
    const ssize_t n = recv(PQsocket(c->pg), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return false;
    // Something came unasked: perhaps a changed setting only. An end of file may lie behind it.
    if (n <= 0 || !PQconsumeInput(c->pg) || !PQconsumeInput(c->pg))
        return true;
    PQisBusy(c->pg); // parses: a farewell marks the connection as doomed
    return c->doomed || PQstatus(c->pg) == CONNECTION_BAD;
}

/// The group's connection with its present address. Closed if it is no longer good and nothing of
/// the current transaction depends on it.
Connection *
get_connection(int32 group_id, Oid table)
{
    const ClusterNode *node = get_group_primary(group_id);
    const Oid user = GetUserId();
    Connection *c = find_cached(group_id, user);
    if (c == nullptr)
        c = add_to_cache(group_id, user);
    c->table = table;

    if (c->depth > 0) {
        if (c->doomed || c->changing || c->pg == nullptr || PQstatus(c->pg) == CONNECTION_BAD)
            raise_remote_error(c, nullptr, nullptr);
        return c; // the transaction stays where it began, whatever the catalog says now
    }
    if (c->pg != nullptr &&
        (c->doomed || c->connecting || !same_address(c, node) || worker_hung_up(c)))
        close_connection(c);
    if (!same_address(c, node))
        set_address(c, node);
    return c;
}

void
connect_or_raise(Connection **connections, int count, Oid table)
{
    int missing = 0;
    for (int i = 0; i < count; i++)
        missing += connections[i]->pg == nullptr || connections[i]->connecting;
    if (missing == 0)
        return;
    auto *reasons = static_cast<char **>(palloc0(sizeof(char *) * count));
    connect_all(connections, count, reasons);
    for (int i = 0; i < count; i++) {
        if (reasons[i] != nullptr)
            raise_connect_error(connections[i], table, reasons[i]);
    }
    pfree(reasons);
}

/// Sends what has to precede the statement: BEGIN, SAVEPOINTs, settings, as one message per worker.
void
prepare_sessions(Connection **connections, int count, Access access)
{
    auto *commands = static_cast<Command *>(palloc(sizeof(Command) * Max(count, 1)));
    int n = 0;
    for (int i = 0; i < count; i++) {
        Connection *c = connections[i];
        if (c->changing)
            continue; // listed twice
        StringInfoData sql;
        initStringInfo(&sql);
        append_transaction_start(c, access, &sql);
        append_settings(c, &sql);
        if (sql.len == 0)
            continue;
        c->changing = true;
        commands[n++] = {c, sql.data, Outcome::waiting};
    }
    exchange_or_raise(commands, n);
    for (int i = 0; i < n; i++) {
        clear_result(commands[i].connection);
        note_transaction_started(commands[i].connection, access);
        commands[i].connection->changing = false;
        pfree(const_cast<char *>(commands[i].sql));
    }
    pfree(commands);
}

} // namespace

Connection *
first_connection()
{
    return cache;
}

void
clear_result(Connection *connection)
{
    PGresult *result = connection->result;
    connection->result = nullptr;
    PQclear(result);
}

void
close_connection(Connection *connection)
{
    detach_execution(connection);
    clear_result(connection);
    if (connection->pg != nullptr) {
        PGconn *pg = connection->pg;
        connection->pg = nullptr;
        PQfinish(pg);
        ReleaseExternalFD();
    }
    connection->connecting = false;
    connection->doomed = false;
    connection->unflushed = false;
    connection->copying = false;
    connection->changing = false;
    connection->settings_known = false;
    connection->setting_count = 0; // a new session starts from the worker's defaults
}

void
claim_connections(const int32 *group_ids, int count, Access access, Oid table,
                  Connection **connections)
{
    if (IsParallelWorker())
        ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                        errmsg("cannot access distributed tables from a parallel worker")));
    note_connections_used();
    for (int i = 0; i < count; i++)
        connections[i] = get_connection(group_ids[i], table);
    connect_or_raise(connections, count, table);
    for (int i = 0; i < count; i++)
        make_idle(connections[i]);
    connect_or_raise(connections, count, table); // one that could not be made idle was closed
    prepare_sessions(connections, count, access);
}

int32
connection_group(const Connection *connection)
{
    return connection->group_id;
}

const char *
connection_label(const Connection *connection)
{
    return connection->label;
}

Connection *
open_detached_connection(const char *host, int port, const char *dbname, MemoryContext context)
{
    Connection *c = make_detached_connection(host, port, dbname, context);
    connect_or_raise(&c, 1, InvalidOid);
    StringInfoData sql;
    initStringInfo(&sql);
    append_settings(c, &sql);
    run_command(c, sql.data);
    pfree(sql.data);
    return c;
}

// Callbacks and GUC variables

/// Says goodbye, so that workers do not log an unexpected end of file.
VX_CALLBACK(void, close_all_at_exit, ([[maybe_unused]] int code, [[maybe_unused]] Datum arg),
            (code, arg))
{
    for (Connection *c = cache; c != nullptr; c = c->next)
        close_connection(c);
}

VX_CALLBACK(bool, check_node_conninfo,
            (char **newval, [[maybe_unused]] void **extra, [[maybe_unused]] GucSource source),
            (newval, extra, source))
{
    static constexpr const char *kReserved[] = {
        "host",    "hostaddr",    "port",
        "dbname",  "user",        "client_encoding",
        "options", "replication", "fallback_application_name"};
    if (*newval == nullptr || (*newval)[0] == '\0')
        return true;
    char *problem = nullptr;
    PQconninfoOption *options = PQconninfoParse(*newval, &problem);
    if (options == nullptr) {
        GUC_check_errdetail("%s", problem ? pchomp(problem) : "out of memory");
        PQfreemem(problem);
        return false;
    }
    const char *refused = nullptr;
    for (const PQconninfoOption *o = options; o->keyword != nullptr; o++) {
        for (const char *reserved : kReserved) {
            if (o->val != nullptr && strcmp(o->keyword, reserved) == 0)
                refused = reserved;
        }
    }
    PQconninfoFree(options);
    if (refused != nullptr)
        GUC_check_errdetail("\"%s\" is set by vecmesh itself.", refused);
    return refused == nullptr;
}

namespace
{

void
define_settings()
{
    DefineCustomIntVariable("vecmesh.connect_timeout",
                            "How long to wait for a connection to a worker.", nullptr,
                            &connect_timeout_ms, 5000, 10, 3600 * 1000, PGC_USERSET, GUC_UNIT_MS,
                            nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "vecmesh.abort_timeout",
        "How long an aborting transaction waits for its workers before it closes the connections.",
        nullptr, &abort_timeout_ms, 2000, 10, 3600 * 1000, PGC_USERSET, GUC_UNIT_MS, nullptr,
        nullptr, nullptr);
    DefineCustomIntVariable(
        "vecmesh.commit_timeout",
        "How long a committed transaction waits for its workers before it warns that they are "
        "in doubt.",
        nullptr, &commit_timeout_ms, 30000, 10, 3600 * 1000, PGC_USERSET, GUC_UNIT_MS, nullptr,
        nullptr, nullptr);
    DefineCustomIntVariable(
        "vecmesh.copy_buffer_size", "How much COPY data may be unsent per worker.", nullptr,
        &copy_buffer_kb, 1024, 8, 1024 * 1024, PGC_USERSET, GUC_UNIT_KB, nullptr, nullptr, nullptr);
    DefineCustomStringVariable(
        "vecmesh.node_conninfo", "libpq options for connections to workers.",
        "Everything but the address and the user, e.g. sslmode, passfile, tcp_user_timeout.",
        &node_conninfo, "", PGC_SUSET, GUC_SUPERUSER_ONLY, check_node_conninfo, nullptr, nullptr);
    DefineCustomStringVariable(
        "vecmesh.propagated_settings",
        "Settings that workers take over when they are set for the session, role or database.",
        "The settings of index scans (hnsw.*, ivfflat.*, ivfrabitq.*, vector.*) always travel.",
        &propagated_settings,
        "enable_seqscan, enable_indexscan, enable_sort, enable_bitmapscan, jit, work_mem, "
        "maintenance_work_mem, max_parallel_maintenance_workers",
        PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

} // namespace

void
register_connection_callbacks()
{
    define_settings();
    register_transaction_callbacks();
    on_proc_exit(close_all_at_exit, 0);
}

} // namespace vecmesh
