// SPDX-License-Identifier: PostgreSQL
//
// The executor state of a write (CustomScan "Vecmesh Insert", "Vecmesh Update", "Vecmesh Delete")
// and what its files share. The node works in batches: rows come from the subplan, go to the
// shards, and what the shards return waits in `returned` until the parent has taken it. All memory
// of a batch is in `batch`, which the next one resets. README.md, section "Writes". Plain-frame
// code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "planner/modify_plan.hpp"
#include "remote/execution.hpp"

extern "C" {
#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/hsearch.h"
#include "utils/tuplestore.h"
}

namespace vecmesh
{

/// How the values of one type are written into parameters and read from results.
struct ValueCodec {
    Oid type;
    bool binary; // the send function's form, else the output function's
    FmgrInfo out;
    FmgrInfo in; // of the same form
    Oid in_parameter;
    int32 typmod;
};

void init_value_codec(ValueCodec *codec, Oid type, int32 typmod, bool binary);

/// Parameters of one statement, filled from the left. Lives in the context it was made in.
struct ParameterList {
    RemoteParameters parameters;
    Oid *types;
    const char **values;
    int *lengths;
    int *formats;
};

ParameterList *make_parameter_list(int capacity);
void add_parameter(ParameterList *list, ValueCodec *codec, Datum value, bool is_null);
/// A value in text form; not copied.
void add_text_parameter(ParameterList *list, const char *text);

Datum read_value(ValueCodec *codec, const RemoteRow &row, int field, bool *is_null);

/// One statement for one shard.
struct ShardStatement {
    int shard; // index into table->shards
    const char *sql;
    const RemoteParameters *parameters;
    /// Where its returned rows go in state->returned, in their order; nullptr: at the end.
    const int *positions;
    int position_count;
};

/// A row that a shard returned, and the subplan's row it came from, if that matters.
struct ReturnedRow {
    MinimalTuple row;
    MinimalTuple plan_row;
};

/// A row read from the subplan.
struct SourceRow {
    MinimalTuple tuple;
    int shard;
    ItemPointerData ctid; // WriteMethod::rows
};

struct WriteState {
    CustomScanState css; // must be first
    WritePlan plan;
    const DistributedTable *table;
    Relation relation;
    ResultRelInfo *result;
    bool has_returning;
    bool wants_rows; // for RETURNING or WITH CHECK OPTION
    List *values;    // ExprState: the plan's values
    MemoryContext batch;
    bool finished; // nothing left to write

    HTAB *seen; // rows: those written already

    // source
    Tuplestorestate *store; // read_first
    bool reading;
    bool source_ended;
    TupleTableSlot *source_slot;  // the subplan's row type, minimal tuples
    TupleTableSlot *plan_slot;    // the same, of the returned row
    TupleTableSlot *new_row_slot; // the table's row type

    // the columns of a new row: all that are not dropped, in attribute order
    int column_count;
    AttrNumber *columns;
    ValueCodec *codecs;
    const char *column_list; // "a, b"

    // the columns that RETURNING and the checks need
    int row_column_count;
    AttrNumber *row_columns;
    ValueCodec *row_codecs;
    const char *row_list; // "t.a, t.b"; nullptr: the shards return nothing
    bool binary_rows;

    // rows returned by the current batch
    int returned_count;
    int returned_capacity;
    int returned_next;
    ReturnedRow *returned;

    // for EXPLAIN ANALYZE
    int64 copied_rows;
    int64 statements;
    int shards_touched; // pushed
};

// modify_source.cpp: rows from the subplan
/// Next row of the subplan, or of the store when everything has been read first; nullptr at the
/// end.
TupleTableSlot *next_source_row(WriteState *state);
/// Rule W5: reads everything that this and the other writes of the statement to the same table have
/// still to read. To be called before every write.
void read_before_writing(WriteState *state);

// modify_remote.cpp: statements for shards
/// Runs the statements, at most one per worker at a time, and returns the number of rows affected.
/// The rows they return go to state->returned; when `numbered`, the first column says where.
int64 run_shard_statements(WriteState *state, const ShardStatement *statements, int count,
                           bool numbered);
/// Makes room for `count` returned rows, all absent yet, at the positions 0 … count - 1.
void reserve_returned_rows(WriteState *state, int count);
void append_shard(StringInfo sql, const WriteState *state, int shard);
/// Evaluates the plan's values into arrays (palloc'd).
void evaluate_values(WriteState *state, Datum **data, bool **nulls);
/// Adds the values that the plan's tail uses as $1….
void add_tail_parameters(WriteState *state, ParameterList *list, const Datum *data,
                         const bool *nulls);

// The methods: write one batch; set state->finished when there is no more.
void insert_batch(WriteState *state);      // modify_insert.cpp
void modify_rows_batch(WriteState *state); // modify_rows.cpp
void run_pushed_write(WriteState *state);  // modify_pushed.cpp

/// SQL of the statement for a shard with one row of parameters, for EXPLAIN.
const char *insert_command(const WriteState *state, int shard, int row_count);
const char *pushed_command(const WriteState *state, int shard);
/// Which shards a pushed write goes to; palloc'd.
const bool *pushed_shards(WriteState *state, const Datum *data, const bool *nulls);

/// True for a node of ours.
bool is_write_state(const PlanState *planstate);

// modify_explain.cpp
void explain_write(WriteState *state, ExplainState *explain);

} // namespace vecmesh
