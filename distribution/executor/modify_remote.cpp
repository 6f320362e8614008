// SPDX-License-Identifier: PostgreSQL
//
// Statements for shards. A worker runs one at a time, all workers at once: statements are taken in
// rounds of at most one per worker.
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#include "planner/shippable.hpp"

#include <cstdlib>

namespace vecmesh
{

namespace
{

struct Round {
    int count;
    int *statements; // indexes
    int32 *groups;
    Connection **connections;
    RemoteTask *tasks;
};

Round
make_round(int capacity)
{
    Round round = {};
    round.statements = static_cast<int *>(palloc(sizeof(int) * capacity));
    round.groups = static_cast<int32 *>(palloc(sizeof(int32) * capacity));
    round.connections = static_cast<Connection **>(palloc(sizeof(Connection *) * capacity));
    round.tasks = static_cast<RemoteTask *>(palloc(sizeof(RemoteTask) * capacity));
    return round;
}

bool
uses_group(const Round &round, int32 group)
{
    for (int i = 0; i < round.count; i++) {
        if (round.groups[i] == group)
            return true;
    }
    return false;
}

/// Takes the first statement of every worker that has not run yet.
bool
fill_round(const WriteState *state, const ShardStatement *statements, int count, bool *taken,
           Round *round)
{
    round->count = 0;
    for (int i = 0; i < count; i++) {
        const int32 group = state->table->shards[statements[i].shard].group_id;
        if (taken[i] || uses_group(*round, group))
            continue;
        taken[i] = true;
        round->statements[round->count] = i;
        round->groups[round->count++] = group;
    }
    return round->count > 0;
}

MinimalTuple
read_row(WriteState *state, const RemoteRow &row, int first_field)
{
    TupleDesc description = RelationGetDescr(state->relation);
    auto *values = static_cast<Datum *>(palloc0(sizeof(Datum) * description->natts));
    auto *nulls = static_cast<bool *>(palloc(sizeof(bool) * description->natts));
    memset(nulls, true, sizeof(bool) * description->natts);
    if (PQnfields(row.result) != first_field + state->row_column_count)
        ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                        errmsg("a worker returned %d columns where %d were expected",
                               PQnfields(row.result), first_field + state->row_column_count)));
    for (int i = 0; i < state->row_column_count; i++) {
        const int column = state->row_columns[i] - 1;
        values[column] = read_value(&state->row_codecs[i], row, first_field + i, &nulls[column]);
    }
    return pg::form_minimal_tuple(description, values, nulls);
}

/// The number that the statement put in front of a returned row, as text or binary int4.
int
read_ordinal(const WriteState *state, const RemoteRow &row)
{
    const char *value = PQgetvalue(row.result, row.row, 0);
    if (!state->binary_rows)
        return atoi(value);
    if (PQgetlength(row.result, row.row, 0) != sizeof(int32))
        ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                        errmsg("a worker returned a malformed row number")));
    uint32 number;
    memcpy(&number, value, sizeof(number));
    return static_cast<int>(pg_ntoh32(number));
}

void
keep_row(WriteState *state, int position, MinimalTuple tuple)
{
    if (position < 0 || position >= state->returned_count ||
        state->returned[position].row != nullptr)
        ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                        errmsg("a worker returned a row that was not asked for")));
    state->returned[position].row = tuple;
}

/// Position of the next row of a statement that does not number its rows.
int
next_position(WriteState *state, const ShardStatement &statement, int rows_before)
{
    if (statement.positions != nullptr)
        return rows_before < statement.position_count ? statement.positions[rows_before] : -1;
    reserve_returned_rows(state, state->returned_count + 1);
    return state->returned_count - 1;
}

void
start_round(WriteState *state, const ShardStatement *statements, Round *round)
{
    claim_connections(round->groups, round->count, Access::write, state->table->relation,
                      round->connections);
    for (int i = 0; i < round->count; i++) {
        const ShardStatement *statement = &statements[round->statements[i]];
        RemoteTask task = {};
        task.connection = round->connections[i];
        task.sql = statement->sql;
        task.parameters = statement->parameters;
        task.binary_result = state->binary_rows;
        round->tasks[i] = task;
    }
    state->statements += round->count;
}

/// Runs one round; returns the number of rows affected.
int64
run_round(WriteState *state, const ShardStatement *statements, bool numbered, Round *round)
{
    start_round(state, statements, round);
    auto *rows_of = static_cast<int *>(palloc0(sizeof(int) * round->count));
    RemoteExecution *execution = start_execution(round->tasks, round->count, state->batch);
    RemoteRow row;
    int task;
    while ((task = next_row_of_any(execution, &row)) >= 0) {
        const ShardStatement &statement = statements[round->statements[task]];
        const int position =
            numbered ? read_ordinal(state, row) : next_position(state, statement, rows_of[task]++);
        keep_row(state, position, read_row(state, row, numbered ? 1 : 0));
    }
    int64 affected = 0;
    for (int i = 0; i < round->count; i++)
        affected += affected_rows(execution, i);
    end_execution(execution);
    return affected;
}

} // namespace

void
reserve_returned_rows(WriteState *state, int count)
{
    if (count > state->returned_capacity) {
        const int capacity = Max(count, 2 * state->returned_capacity);
        auto *rows = static_cast<ReturnedRow *>(
            MemoryContextAllocHuge(state->batch, sizeof(ReturnedRow) * capacity));
        if (state->returned_count > 0)
            memcpy(rows, state->returned, sizeof(ReturnedRow) * state->returned_count);
        state->returned = rows;
        state->returned_capacity = capacity;
    }
    for (int i = state->returned_count; i < count; i++)
        state->returned[i] = {nullptr, nullptr};
    state->returned_count = count;
}

int64
run_shard_statements(WriteState *state, const ShardStatement *statements, int count, bool numbered)
{
    if (count == 0)
        return 0;
    MemoryContext old = MemoryContextSwitchTo(state->batch);
    auto *taken = static_cast<bool *>(palloc0(sizeof(bool) * count));
    Round round = make_round(count);
    int64 affected = 0;
    while (fill_round(state, statements, count, taken, &round))
        affected += run_round(state, statements, numbered, &round);
    MemoryContextSwitchTo(old);
    return affected;
}

void
append_shard(StringInfo sql, const WriteState *state, int shard)
{
    appendStringInfoString(
        sql, shard_qualified_name(state->table->relation, state->table->shards[shard].shard_id));
}

void
evaluate_values(WriteState *state, Datum **data, bool **nulls)
{
    const int count = list_length(state->values);
    *data = static_cast<Datum *>(palloc0(sizeof(Datum) * Max(count, 1)));
    *nulls = static_cast<bool *>(palloc0(sizeof(bool) * Max(count, 1)));
    ExprContext *context = state->css.ss.ps.ps_ExprContext;
    int i = 0;
    ListCell *cell;
    foreach (cell, state->values) {
        auto *expression = static_cast<ExprState *>(lfirst(cell));
        (*data)[i] = ExecEvalExpr(expression, context, &(*nulls)[i]);
        i++;
    }
}

void
add_tail_parameters(WriteState *state, ParameterList *list, const Datum *data, const bool *nulls)
{
    const auto *scan = castNode(CustomScan, state->css.ss.ps.plan);
    ListCell *cell;
    foreach (cell, state->plan.sent) {
        const int index = lfirst_int(cell);
        const Oid type = exprType(static_cast<Node *>(list_nth(scan->custom_exprs, index)));
        ValueCodec codec = {};
        init_value_codec(&codec, type, -1, travels_binary(type));
        add_parameter(list, &codec, data[index], nulls[index]);
    }
}

} // namespace vecmesh
