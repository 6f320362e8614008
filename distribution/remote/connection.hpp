// SPDX-License-Identifier: PostgreSQL
//
// Connections to workers: one per (session, node group, user), opened on first use, kept until the
// session ends or the node's address changes. libpq is used asynchronously only: every wait is a
// WaitEventSet over the sockets and the latch, with CHECK_FOR_INTERRUPTS, and has a deadline.
//
// A connection runs one thing at a time. Who needs it while a result is still arriving calls
// claim_connections(), which makes the current user read the rest into its own buffer first.
//
// Plain-frame code (B3). Owning objects (PGconn, PGresult) are held by the cache and by
// RemoteExecution; transaction end and memory-context callbacks free them.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include <libpq-fe.h>

namespace vecmesh
{

struct Connection; // remote/connection.cpp

enum class Access {
    read,  ///< no transaction is opened on the worker unless the session is in one already
    write, ///< the worker takes part in the transaction: BEGIN now, prepare and commit with ours
};

/// Makes the connections to these groups ready for a statement, all of them at once: connects
/// (deadline vecmesh.connect_timeout), sends settings that changed in this session (search_path
/// pg_catalog, the search GUCs: see settings.hpp), BEGIN and SAVEPOINTs as the local transaction
/// and `access` demand. An error names the node, its address and `table`'s shards on it (table may
/// be InvalidOid).
void claim_connections(const int32 *group_ids, int count, Access access, Oid table,
                       Connection **connections);

int32 connection_group(const Connection *connection);
/// "host:port/dbname", for messages and EXPLAIN.
const char *connection_label(const Connection *connection);

/// Runs one command (may be several statements, no parameters) and waits. Raises the remote error
/// with its SQLSTATE, detail, hint, and a context line that names the node.
void run_command(Connection *connection, const char *sql);

/// The same on many connections at once: sqls[i] on connections[i]; a connection may occur several
/// times, its commands then run in order. Waits for all; raises the first error after the others
/// have been cancelled.
void run_commands(Connection **connections, const char *const *sqls, int count);

/// Runs one query and returns its text-format result; freed with `context`.
PGresult *run_query(Connection *connection, const char *sql, MemoryContext context);

/// COPY … FROM STDIN: start, send, and finish. send_copy_data() buffers and flushes without
/// blocking the other streams; it waits when more than vecmesh.copy_buffer_size is unsent.
///
/// When another statement needs the connection in the middle of it, `give_way` is called, which
/// must end the stream with finish_copy(); without it that is an error.
void start_copy(Connection *connection, const char *sql, void (*give_way)(void *) = nullptr,
                void *argument = nullptr);
void send_copy_data(Connection *connection, const char *data, int length);
/// Ends the stream and waits for the worker's verdict; returns the row count.
int64 finish_copy(Connection *connection);
/// The same for many streams, whose workers finish at the same time.
void finish_copies(Connection **connections, int count, int64 *rows);

/// Raises the error in `result` (or the connection's own, when result is nullptr) at ERROR.
/// Takes ownership of result.
[[noreturn]] void raise_remote_error(Connection *connection, PGresult *result, const char *sql);

/// A connection outside the cache and the transaction, e.g. for CREATE INDEX CONCURRENTLY or for
/// checking a node before it is added; closed with `context`.
Connection *open_detached_connection(const char *host, int port, const char *dbname,
                                     MemoryContext context);

/// Transaction, subtransaction and exit callbacks, GUCs; called once from _PG_init.
void register_connection_callbacks();

} // namespace vecmesh
