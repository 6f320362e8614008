// SPDX-License-Identifier: PostgreSQL
//
// One query on many workers: a statement per worker, sent to all before any answer is awaited, rows
// handed out per worker (for merging) or from whichever has one (for gathering).
//
//   RemoteExecution *e = start_execution(tasks, n, cx);
//   while (next_row(e, i, &row)) …           // rows of task i, in its order
//   end_execution(e);                          // cancels what still runs
//
// The execution belongs to `context`: deleting it frees all results and, at abort, cancels. A
// second statement that needs the same connection makes the first one buffer the rest of its rows.
#pragma once

#include "remote/connection.hpp"

extern "C" {
#include "portability/instr_time.h"
}

namespace vecmesh
{

/// Values for $1…$n. A format of 1 means the type's binary format.
struct RemoteParameters {
    int count;
    const Oid *types; // 0 lets the worker infer it; only built-in oids (< 10000) may be named
    const char *const *values; // nullptr for NULL
    const int *lengths;
    const int *formats;
};

struct RemoteTask {
    // set by the caller
    Connection *connection;
    const char *sql;
    const RemoteParameters *parameters; // may be nullptr; may be shared by tasks
    bool binary_result;
    bool stream; // true: row by row as they arrive; false: small result, taken whole

    // counted by the execution, for EXPLAIN ANALYZE
    int64 rows;
    int64 bytes;
    instr_time first_row_after; // from send to the first row or the end
    instr_time finished_after;  // from send to the end; zero while running
};

/// One row; pointers are valid until the next call for the same task.
struct RemoteRow {
    const PGresult *result;
    int row; // PQgetvalue(result, row, column)
};

struct RemoteExecution;

RemoteExecution *start_execution(RemoteTask *tasks, int count, MemoryContext context);
/// Waits for the next row of one task; false when that task has no more.
bool next_row(RemoteExecution *execution, int task, RemoteRow *row);
/// Waits for a row of any task; returns the task, or -1 when all are at their end.
int next_row_of_any(RemoteExecution *execution, RemoteRow *row);
/// Rows affected, from the command tags; valid at the end.
int64 affected_rows(RemoteExecution *execution, int task);
void end_execution(RemoteExecution *execution);

} // namespace vecmesh
