// SPDX-License-Identifier: PostgreSQL
//
// The execution of a Vecmesh Scan. Plain data in PostgreSQL's memory contexts; what owns libpq
// objects is the RemoteExecution, which belongs to execution_context.
#pragma once

#include "catalog/metadata.hpp"
#include "planner/scan_plan.hpp"
#include "remote/execution.hpp"

extern "C" {
#include "lib/binaryheap.h"
#include "nodes/execnodes.h"
#include "utils/sortsupport.h"
}

struct ExplainState;

namespace vecmesh
{

/// How to read one column of the remote result.
struct ColumnReader {
    Oid type;
    int32 typmod;
    FmgrInfo text_input;
    Oid text_parameter;
    FmgrInfo binary_input; ///< fn_oid is InvalidOid when the type does not travel binary
    Oid binary_parameter;
};

/// How to compute and send one value.
struct ValueSender {
    ExprState *expression;
    Oid type;
    FmgrInfo text_output;
    FmgrInfo binary_output; ///< fn_oid is InvalidOid when the type does not travel binary
};

/// One row in the form of the scan tuple.
struct ScanRow {
    MemoryContext context; ///< of what the values point to; reset for each row
    Datum *remote_values;  ///< by remote column
    bool *remote_nulls;
    Datum *values; ///< by column of the scan tuple
    bool *nulls;
};

/// What one worker was asked to do in the current execution.
struct WorkerPart {
    int32 group;
    int *shards; ///< indexes into table->shards
    int shard_count;
    const char *sql;
    const char *label; ///< host:port/database; nullptr before the first execution
};

/// Sums over all executions, for EXPLAIN ANALYZE.
struct WorkerTotals {
    int32 group;
    const char *label;
    int64 executions;
    int64 rows;
    int64 bytes;
    double first_row_ms;
    double total_ms;
};

struct VecmeshScanState {
    CustomScanState custom; // must be first: PostgreSQL sees only this

    ScanPlan plan;
    Oid relation;
    bool binary_types; ///< every column travels binary
    ColumnReader *readers;
    int column_count;
    ValueSender *senders;
    int value_count;

    // the current execution; all of it is in execution_context
    MemoryContext execution_context;
    bool started;
    bool binary;
    Datum *values;
    bool *value_nulls;
    WorkerPart *parts;
    RemoteTask *tasks;
    int part_count;
    int shards_visited;
    int shards_total;
    bool pruning_known; ///< false only for EXPLAIN, which may lack the values
    bool limit_known;
    RemoteExecution *execution;
    ScanRow *rows; ///< one when gathering, one per worker when merging

    // merging
    SortSupport sort_keys;
    int sort_key_count;
    binaryheap *heap; ///< of task numbers, the smallest row on top
    int last_task;    ///< its row was returned last and must be replaced; -1 before the first

    // counted over all executions
    WorkerTotals *totals;
    int total_count;
    bool totals_added;

    // rechecking a row for EvalPlanQual, made when first needed
    TupleTableSlot *recheck_slot;
    List *recheck_columns; ///< of ExprState
    ExprState *recheck_conditions;
};

// values.cpp
void init_values(VecmeshScanState *state);
void compute_values(VecmeshScanState *state);
RemoteParameters *encode_values(VecmeshScanState *state);
/// The rows the workers have to deliver at most, each; false when there is no bound.
bool compute_limit(const VecmeshScanState *state, int64 *limit);

// statement.cpp
/// The shards that may hold rows, by worker; fills parts, part_count and shards_visited.
void assign_shards(VecmeshScanState *state, const DistributedTable *table, const bool *keep);
void build_statements(VecmeshScanState *state, const DistributedTable *table);

// rows.cpp
void init_readers(VecmeshScanState *state);
ScanRow *make_rows(VecmeshScanState *state, int count);
void read_row(VecmeshScanState *state, const RemoteRow *remote, ScanRow *row);

// merge.cpp
void init_merge(VecmeshScanState *state);
void start_merge(VecmeshScanState *state);
/// The next row in order; nullptr at the end.
const ScanRow *next_merged_row(VecmeshScanState *state);

// recheck.cpp
TupleTableSlot *recheck_row(VecmeshScanState *state);

// explain.cpp
/// Adds the counters of the current execution to the totals, once.
void add_totals(VecmeshScanState *state);
void explain_scan(VecmeshScanState *state, List *ancestors, ExplainState *es);

} // namespace vecmesh
