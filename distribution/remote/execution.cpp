// SPDX-License-Identifier: PostgreSQL
//
// One query on many workers. A task is waiting (its connection still serves an earlier task of the
// same execution), running, or finished. Rows go out in the order result, buffered, incoming:
// `result` is in the caller's hands, `incoming` has just come off the wire, and `buffered` holds
// what had to be read early because another statement needed the connection.
#include "pg/postgres.hpp"

#include "remote/execution.hpp"

#include "pg/entry.hpp"
#include "remote/connection_state.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace vecmesh
{

namespace
{

enum class Stage : uint8 { waiting, running, finished, lost };

struct TaskState {
    Stage stage;
    bool ended; // the last row is here: finished_after is set
    PGresult *result;
    int next; // row of result to hand out
    PGresult *buffered;
    PGresult *incoming;
    int64 affected;
    instr_time sent;
};

} // namespace

struct RemoteExecution {
    MemoryContextCallback callback;
    MemoryContext context;
    RemoteTask *tasks;
    TaskState *states;
    int count;
    int last; // task served last by next_row_of_any
};

namespace
{

instr_time
since(instr_time start)
{
    instr_time now;
    INSTR_TIME_SET_CURRENT(now);
    INSTR_TIME_SUBTRACT(now, start);
    return now;
}

void
drop_results(TaskState *state)
{
    PQclear(state->result);
    PQclear(state->buffered);
    PQclear(state->incoming);
    state->result = state->buffered = state->incoming = nullptr;
}

void
send_task(RemoteExecution *e, int index)
{
    RemoteTask *task = &e->tasks[index];
    TaskState *state = &e->states[index];
    Connection *c = task->connection;
    const RemoteParameters *p = task->parameters;

    clear_result(c);
    INSTR_TIME_SET_CURRENT(state->sent);
    if (c->pg == nullptr || c->doomed ||
        !PQsendQueryParams(c->pg, task->sql, p ? p->count : 0, p ? p->types : nullptr,
                           p ? p->values : nullptr, p ? p->lengths : nullptr,
                           p ? p->formats : nullptr, task->binary_result ? 1 : 0))
        raise_remote_error(c, nullptr, task->sql);
    if (task->stream)
        PQsetSingleRowMode(c->pg);
    c->execution = e;
    c->task = index;
    state->stage = Stage::running;
    move_bytes(c, WL_SOCKET_WRITEABLE);
}

/// Sends a task whose connection is free or can be made so; a connection that serves an earlier
/// task of this execution is left alone unless `now`.
void
start_task(RemoteExecution *e, int index, bool now)
{
    Connection *c = e->tasks[index].connection;
    if (c->execution == e && !now)
        return;
    make_idle(c);
    send_task(e, index);
}

void
start_waiting_task(RemoteExecution *e, const Connection *connection)
{
    for (int i = 0; i < e->count; i++) {
        if (e->states[i].stage == Stage::waiting && e->tasks[i].connection == connection) {
            start_task(e, i, false);
            return;
        }
    }
}

/// Starts every waiting task whose connection is free; true if there was one.
bool
start_next_tasks(RemoteExecution *e)
{
    bool started = false;
    for (int i = 0; i < e->count; i++) {
        if (e->states[i].stage == Stage::waiting && e->tasks[i].connection->execution != e) {
            start_task(e, i, true);
            started = true;
        }
    }
    return started;
}

void
note_end(RemoteTask *task, TaskState *state, const PGresult *result)
{
    const char *tuples = PQcmdTuples(const_cast<PGresult *>(result));
    state->affected = strtoll(tuples, nullptr, 10);
    state->ended = true;
    task->finished_after = since(state->sent);
    if (INSTR_TIME_IS_ZERO(task->first_row_after))
        task->first_row_after = task->finished_after;
}

[[noreturn]] void
raise_task_error(RemoteExecution *e, int index, PGresult *result)
{
    Connection *c = e->tasks[index].connection;
    e->states[index].stage = Stage::lost;
    c->execution = nullptr;
    raise_remote_error(c, result, e->tasks[index].sql);
}

/// Takes one result off the wire into state->incoming, which must be empty. False when that takes
/// waiting. At the end of the task its connection is free.
bool
take_result(RemoteExecution *e, int index)
{
    RemoteTask *task = &e->tasks[index];
    TaskState *state = &e->states[index];
    Connection *c = task->connection;
    while (PQstatus(c->pg) == CONNECTION_BAD || !PQisBusy(c->pg)) {
        PGresult *result = PQgetResult(c->pg);
        if (result == nullptr) {
            if (!state->ended)
                raise_task_error(e, index, nullptr);
            state->stage = Stage::finished;
            c->execution = nullptr;
            return true;
        }
        switch (PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
            state->incoming = result;
            if (INSTR_TIME_IS_ZERO(task->first_row_after))
                task->first_row_after = since(state->sent);
            return true;
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
            note_end(task, state, result);
            if (PQntuples(result) > 0 && state->incoming == nullptr)
                state->incoming = result;
            else
                PQclear(result);
            break; // the end of the task usually came in the same packet
        default:
            raise_task_error(e, index, result);
        }
    }
    return state->incoming != nullptr;
}

/// Hands out a row that is here already.
bool
take_row(RemoteExecution *e, int index, RemoteRow *row)
{
    RemoteTask *task = &e->tasks[index];
    TaskState *state = &e->states[index];
    if (state->result == nullptr || state->next >= PQntuples(state->result)) {
        PQclear(state->result);
        PGresult **next = state->buffered != nullptr ? &state->buffered : &state->incoming;
        state->result = *next;
        *next = nullptr;
        state->next = 0;
    }
    if (state->result == nullptr)
        return false;
    row->result = state->result;
    row->row = state->next++;
    task->rows++;
    const int columns = PQnfields(state->result);
    for (int i = 0; i < columns; i++)
        task->bytes += PQgetlength(state->result, row->row, i);
    return true;
}

/// Waits for bytes of the tasks that may go on: `only` (or all, when -1), and every task whose
/// result is taken whole. Other streams keep their rows on the worker until they are asked for.
void
wait_for_tasks(RemoteExecution *e, int only)
{
    auto *waits = static_cast<SocketWait *>(palloc(sizeof(SocketWait) * e->count));
    auto *owners = static_cast<Connection **>(palloc(sizeof(Connection *) * e->count));
    int n = 0;
    for (int i = 0; i < e->count; i++) {
        Connection *c = e->tasks[i].connection;
        if (e->states[i].stage != Stage::running)
            continue;
        const bool asked_for = only < 0 || i == only;
        if (!asked_for &&
            (PQstatus(c->pg) == CONNECTION_BAD || (e->tasks[i].stream && !c->unflushed)))
            continue;
        owners[n] = c;
        waits[n] = {PQsocket(owners[n]->pg), wanted_events(owners[n]), 0};
        n++;
    }
    wait_for_sockets(waits, n, kNoDeadline);
    for (int w = 0; w < n; w++)
        move_bytes(owners[w], waits[w].fired);
    pfree(waits);
    pfree(owners);
}

void
check_usable(RemoteExecution *e, int index)
{
    if (e->states[index].stage == Stage::lost)
        raise_remote_error(e->tasks[index].connection, nullptr, e->tasks[index].sql);
}

/// Appends one row to a result that PQcopyResult made. False when out of memory.
bool
append_row(PGresult *buffer, const PGresult *from, int row)
{
    const int n = PQntuples(buffer);
    const int columns = PQnfields(from);
    for (int i = 0; i < columns; i++) {
        const bool null = PQgetisnull(from, row, i);
        if (!PQsetvalue(buffer, n, i, null ? nullptr : PQgetvalue(from, row, i),
                        null ? -1 : PQgetlength(from, row, i)))
            return false;
    }
    return true;
}

/// Moves the rows of `incoming` to the end of `buffered`. Single rows are put together in one
/// PGresult: one each would take 2 kB.
void
absorb_incoming(TaskState *state)
{
    if (state->buffered == nullptr && PQntuples(state->incoming) > 1) {
        state->buffered = state->incoming;
        state->incoming = nullptr;
        return;
    }
    if (state->buffered == nullptr)
        state->buffered = PQcopyResult(state->incoming, PG_COPYRES_ATTRS);
    bool ok = state->buffered != nullptr;
    for (int row = 0; ok && row < PQntuples(state->incoming); row++)
        ok = append_row(state->buffered, state->incoming, row);
    if (!ok)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                        errdetail("Failed while buffering the rows of a distributed scan.")));
    PQclear(state->incoming);
    state->incoming = nullptr;
}

} // namespace

VX_CALLBACK(void, release_execution, (void *arg), (arg))
{
    auto *e = static_cast<RemoteExecution *>(arg);
    for (int i = 0; i < e->count; i++) {
        Connection *c = e->tasks[i].connection;
        if (e->states[i].stage == Stage::running && c->execution == e)
            c->execution = nullptr; // busy without an execution: C3
        drop_results(&e->states[i]);
    }
    e->count = 0;
}

RemoteExecution *
start_execution(RemoteTask *tasks, int count, MemoryContext context)
{
    MemoryContext own = AllocSetContextCreate(context, "vecmesh execution", ALLOCSET_SMALL_SIZES);
    auto *e = static_cast<RemoteExecution *>(MemoryContextAllocZero(own, sizeof(RemoteExecution)));
    e->context = own;
    e->states =
        static_cast<TaskState *>(MemoryContextAllocZero(own, sizeof(TaskState) * Max(count, 1)));
    e->tasks = tasks;
    e->count = count;
    e->last = count - 1;
    e->callback.func = release_execution;
    e->callback.arg = e;
    MemoryContextRegisterResetCallback(own, &e->callback);

    for (int i = 0; i < count; i++) {
        tasks[i].rows = tasks[i].bytes = 0;
        INSTR_TIME_SET_ZERO(tasks[i].first_row_after);
        INSTR_TIME_SET_ZERO(tasks[i].finished_after);
    }
    for (int i = 0; i < count; i++)
        start_task(e, i, false);
    return e;
}

bool
next_row(RemoteExecution *e, int index, RemoteRow *row)
{
    for (;;) {
        if (take_row(e, index, row))
            return true;
        check_usable(e, index);
        TaskState *state = &e->states[index];
        if (state->stage == Stage::finished)
            return false;
        if (state->stage == Stage::waiting)
            start_task(e, index, true);
        if (!take_result(e, index))
            wait_for_tasks(e, index);
        else if (state->stage == Stage::finished)
            start_waiting_task(e, e->tasks[index].connection);
    }
}

int
next_row_of_any(RemoteExecution *e, RemoteRow *row)
{
    for (;;) {
        bool open = false;
        for (int n = 1; n <= e->count; n++) {
            const int index = (e->last + n) % e->count;
            TaskState *state = &e->states[index];
            if (take_row(e, index, row) || (state->stage == Stage::running &&
                                            take_result(e, index) && take_row(e, index, row))) {
                e->last = index;
                return index;
            }
            check_usable(e, index);
            open = open || state->stage != Stage::finished;
        }
        if (!open)
            return -1;
        if (!start_next_tasks(e))
            wait_for_tasks(e, -1);
    }
}

int64
affected_rows(RemoteExecution *e, int task)
{
    return e->states[task].affected;
}

void
end_execution(RemoteExecution *e)
{
    auto **running = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(e->count, 1)));
    int n = 0;
    for (int i = 0; i < e->count; i++) {
        if (e->states[i].stage == Stage::running && e->tasks[i].connection->execution == e)
            running[n++] = e->tasks[i].connection;
    }
    discard_answers(running, n);
    pfree(running);
    MemoryContextDelete(e->context);
}

void
buffer_rest(Connection *connection)
{
    RemoteExecution *e = connection->execution;
    const int index = connection->task;
    TaskState *state = &e->states[index];
    while (state->stage == Stage::running) {
        if (state->incoming != nullptr)
            absorb_incoming(state);
        if (!take_result(e, index))
            wait_for_tasks(e, index);
    }
    if (state->incoming != nullptr)
        absorb_incoming(state);
}

void
detach_execution(Connection *connection)
{
    if (connection->execution == nullptr)
        return;
    connection->execution->states[connection->task].stage = Stage::lost;
    connection->execution = nullptr;
}

} // namespace vecmesh
