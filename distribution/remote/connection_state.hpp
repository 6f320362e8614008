// SPDX-License-Identifier: PostgreSQL
//
// What remote/ and transaction/ know of a connection; everybody else uses connection.hpp. The state
// machines are drawn in remote/README.md and transaction/README.md.
//
// Invariants
//  C1  A Connection of the cache is never freed, only its PGconn is: pointers to it stay good for
//      the session.
//  C2  A PGresult is owned by exactly one of: Connection::result, a task of an execution, or a
//      memory-context callback. None is held in a local variable across a call that can raise.
//  C3  `execution` is set exactly while the rows of one of its tasks are still to be read. A
//      connection that is busy() without it has an answer that nobody wants any more.
#pragma once

#include "remote/connection.hpp"
#include "remote/wait.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace vecmesh
{

struct RemoteExecution;

constexpr int32 kDetachedGroup = -1;
constexpr int kGidSize = 128; // PostgreSQL allows 200

/// Where a connection stands in two-phase commit.
enum class Prepared : uint8 {
    no,
    sent, ///< PREPARE TRANSACTION is under way: it may or may not exist
    yes,
};

struct SentSetting {
    char *name;
    char *value; // nullptr: the worker's own default
    bool wanted; // scratch of collect_settings
};

struct Connection {
    Connection *next; // in the cache

    // identity
    int32 group_id;
    Oid user;
    MemoryContext context; // lives as long as the Connection
    char *host;
    int port;
    char *dbname;
    char *label;

    // protocol
    PGconn *pg; // nullptr: not connected
    bool connecting;
    uint32 connect_events; // what PQconnectPoll waits for
    bool doomed;           // unusable until closed: its state on the worker is not known
    bool unflushed;        // PQflush left something behind
    bool copying;
    int64 copy_unsent;
    void (*copy_gives_way)(void *); // or nullptr
    void *copy_argument;
    PGresult *result; // the last one, e.g. an error being reported
    RemoteExecution *execution;
    int task;
    Oid table; // the claim's, to name its shards when the worker is lost

    // transaction
    int depth;     // 0: none on the worker; 1: BEGIN; n: n - 1 savepoints
    bool changing; // BEGIN, SAVEPOINT, RELEASE or COMMIT under way
    bool written;
    Prepared prepared;
    char gid[kGidSize];

    // settings last sent (settings.cpp)
    bool settings_known;
    SentSetting *settings;
    int setting_count;
    int setting_capacity;
};

// GUC variables
extern int connect_timeout_ms;
extern int abort_timeout_ms;
extern int commit_timeout_ms;
extern int copy_buffer_kb;
extern char *node_conninfo;
extern char *propagated_settings;

inline bool
busy(const Connection *connection)
{
    return connection->pg != nullptr && !connection->connecting &&
           PQtransactionStatus(connection->pg) == PQTRANS_ACTIVE;
}

// connection.cpp: the cache, a list linked by `next`
Connection *first_connection();
/// Closes the PGconn, forgets everything about the worker's side, keeps the Connection.
void close_connection(Connection *connection);
/// Frees the last result.
void clear_result(Connection *connection);

// connect.cpp
/// Opens all that are not connected, at once. Does not raise for a worker that does not answer:
/// such a connection stays closed with its reason in reasons[i] (palloc'd), the others get nullptr.
void connect_all(Connection **connections, int count, char **reasons);
/// A connection outside the cache, not connected yet; closed with `context`.
Connection *make_detached_connection(const char *host, int port, const char *dbname,
                                     MemoryContext context);

// settings.cpp
/// Appends the SET commands that bring the worker's session up to date with ours.
void append_settings(Connection *connection, StringInfo sql);

// command.cpp
enum class Outcome : uint8 { waiting, running, ok, failed, timed_out };

struct Command {
    Connection *connection;
    const char *sql;
    Outcome outcome; // failed: connection->result holds the error, or pg's message does
};

/// Runs commands[i].sql on commands[i].connection, all at once; those of one connection in order.
/// Raises nothing but interrupts. Returns the index of the first failure, or -1; with
/// `stop_at_failure` returns at once, leaving the rest running.
int exchange(Command *commands, int count, TimestampTz deadline, bool stop_at_failure);

/// exchange() without deadline; raises the first failure.
void exchange_or_raise(Command *commands, int count);

/// Queues a query; false when the connection is lost.
bool send_query(Connection *connection, const char *sql);

/// Reads what has arrived and sends what is queued, without waiting. Trouble shows in the results.
void move_bytes(Connection *connection, uint32 fired);
uint32 wanted_events(const Connection *connection);

/// Makes the connection free for the next command: the rows of a running execution are buffered for
/// it, an answer nobody wants is thrown away.
void make_idle(Connection *connection);

/// Throws away the answers that are still arriving, cancelling where no remote transaction would be
/// lost by that. Connections that do not come to rest within abort_timeout are closed.
void discard_answers(Connection **connections, int count);

/// Reads to the end of the running commands; each connection holds its first error, or else its
/// last result. False at the deadline.
bool await_results(Connection **connections, int count, TimestampTz deadline);
/// connection->result is there and no error, and the connection stands.
bool succeeded(const Connection *connection);
/// await_results() for answers nobody wants.
bool drain(Connection **connections, int count, TimestampTz deadline);

// cancel.cpp
/// Asks the workers to cancel what runs on these connections. Returns when all have taken note or
/// the deadline has passed.
void send_cancels(Connection **connections, int count, TimestampTz deadline);

// error.cpp
/// WARNING with the remote error in connection->result (or libpq's message) as detail.
void warn_remote_error(const Connection *connection, const char *message, const char *hint);
[[noreturn]] void raise_connect_error(Connection *connection, Oid table, const char *reason);

// execution.cpp
/// Reads the rest of the running task's rows into its buffer; then the connection is free.
void buffer_rest(Connection *connection);
/// The connection is closed: the running task ends in an error when it is asked for rows.
void detach_execution(Connection *connection);

} // namespace vecmesh
