// SPDX-License-Identifier: PostgreSQL
//
// INSERT: the subplan computes complete rows, defaults and sequences included; here they get their
// generated columns, are checked against the table's constraints, and go to the shards that their
// distribution column names. Many plain rows go as COPY streams, few rows as one statement per
// shard, and so do rows of which the shards have something to tell (ON CONFLICT, RETURNING).
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"
#include "executor/shard_copy.hpp"

extern "C" {
#include "executor/nodeModifyTable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

/// Up to this many plain rows go as statements with parameters: one round trip instead of two, and
/// no stream to set up on every shard.
constexpr int kFewRows = 16;
/// Rows in hand before they are written, when the shards return something.
constexpr int kStatementRows = 1000;
/// A statement may have 65535 parameters.
constexpr int kMaxParameters = 65535;
/// Rows in hand before they are written: nothing else may use a connection while COPY does, so the
/// subplan and the streams take turns.
constexpr int kCopyRows = 10000;
constexpr Size kBatchBytes = 16 * 1024 * 1024;

/// The rows of a batch, each with its shard.
struct InsertBatch {
    int count;
    int capacity;
    Size bytes;
    SourceRow *rows;
};

bool
is_plain(const WriteState *state)
{
    return state->plan.tail == nullptr && !state->wants_rows;
}

int
statement_row_limit(const WriteState *state)
{
    const int others = list_length(state->plan.sent);
    return Max(1, Min(kStatementRows, (kMaxParameters - others) / Max(state->column_count, 1)));
}

/// The row as it will be stored: in new_row_slot, with generated columns, and checked.
TupleTableSlot *
make_new_row(WriteState *state, TupleTableSlot *source)
{
    EState *estate = state->css.ss.ps.state;
    TupleTableSlot *row = state->new_row_slot;
    const int natts = RelationGetDescr(state->relation)->natts;
    slot_getsomeattrs(source, natts);
    ExecClearTuple(row);
    memcpy(row->tts_values, source->tts_values, sizeof(Datum) * natts);
    memcpy(row->tts_isnull, source->tts_isnull, sizeof(bool) * natts);
    ExecStoreVirtualTuple(row);
    row->tts_tableOid = RelationGetRelid(state->relation);
    const TupleConstr *constraints = RelationGetDescr(state->relation)->constr;
    if (constraints == nullptr)
        return row;
    ResetPerTupleExprContext(estate);
    if (constraints->has_generated_stored)
        ExecComputeStoredGenerated(state->result, estate, row, CMD_INSERT);
    ExecConstraints(state->result, row, estate);
    return row;
}

int
find_row_shard(const WriteState *state, TupleTableSlot *row)
{
    const AttrNumber column = state->table->column;
    if (row->tts_isnull[column - 1])
        ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
                        errmsg("null value in distribution column \"%s\" of relation \"%s\"",
                               get_attname(state->table->relation, column, false),
                               RelationGetRelationName(state->relation)),
                        errhint("The distribution column decides which shard a row belongs to."),
                        errtablecol(state->relation, column)));
    return find_shard_index(state->table, row->tts_values[column - 1]);
}

void
add_row(WriteState *state, InsertBatch *batch, TupleTableSlot *row)
{
    if (batch->count == batch->capacity) {
        batch->capacity = Max(16, 2 * batch->capacity);
        const Size size = sizeof(SourceRow) * batch->capacity;
        batch->rows = static_cast<SourceRow *>(
            batch->rows == nullptr ? palloc(size) : repalloc(batch->rows, size));
    }
    SourceRow *entry = &batch->rows[batch->count++];
    entry->shard = find_row_shard(state, row);
    entry->tuple = ExecCopySlotMinimalTuple(row);
    batch->bytes += entry->tuple->t_len;
}

InsertBatch
read_batch(WriteState *state)
{
    InsertBatch batch = {};
    const int limit = is_plain(state) ? kCopyRows : statement_row_limit(state);
    while (batch.count < limit && batch.bytes < kBatchBytes) {
        CHECK_FOR_INTERRUPTS();
        TupleTableSlot *source = next_source_row(state);
        if (source == nullptr)
            break;
        TupleTableSlot *row = make_new_row(state, source);
        MemoryContext old = MemoryContextSwitchTo(state->batch);
        add_row(state, &batch, row);
        MemoryContextSwitchTo(old);
    }
    return batch;
}

// ----- COPY --------------------------------------------------------------------------------------

int64
copy_rows(WriteState *state, const InsertBatch &batch)
{
    ShardCopy *copy = begin_shard_copy(state->table, state->relation);
    TupleTableSlot *slot = state->new_row_slot;
    for (int i = 0; i < batch.count; i++) {
        CHECK_FOR_INTERRUPTS();
        ExecForceStoreMinimalTuple(batch.rows[i].tuple, slot, false);
        put_shard_row(copy, slot->tts_values, slot->tts_isnull);
    }
    const int64 rows = finish_shard_copy(copy);
    state->copied_rows += rows;
    return rows;
}

// ----- statements --------------------------------------------------------------------------------

void
add_row_parameters(WriteState *state, ParameterList *list, MinimalTuple tuple)
{
    TupleTableSlot *slot = state->new_row_slot;
    ExecForceStoreMinimalTuple(tuple, slot, false);
    for (int i = 0; i < state->column_count; i++) {
        const int column = state->columns[i] - 1;
        add_parameter(list, &state->codecs[i], slot->tts_values[column], slot->tts_isnull[column]);
    }
}

/// The statement for the rows of one shard; count 0 when it has none.
ShardStatement
make_insert(WriteState *state, const InsertBatch &batch, int shard, const Datum *data,
            const bool *nulls)
{
    ShardStatement statement = {};
    auto *positions = static_cast<int *>(palloc(sizeof(int) * batch.count));
    for (int i = 0; i < batch.count; i++) {
        if (batch.rows[i].shard == shard)
            positions[statement.position_count++] = i;
    }
    if (statement.position_count == 0)
        return statement;
    ParameterList *list = make_parameter_list(list_length(state->plan.sent) +
                                              statement.position_count * state->column_count);
    add_tail_parameters(state, list, data, nulls);
    for (int i = 0; i < statement.position_count; i++)
        add_row_parameters(state, list, batch.rows[positions[i]].tuple);
    statement.shard = shard;
    statement.sql = insert_command(state, shard, statement.position_count);
    statement.parameters = &list->parameters;
    // A row that is passed over leaves no trace in what the shard returns.
    statement.positions = state->plan.may_skip ? nullptr : positions;
    return statement;
}

int64
insert_by_statements(WriteState *state, const InsertBatch &batch)
{
    Datum *data;
    bool *nulls;
    evaluate_values(state, &data, &nulls);
    auto *statements =
        static_cast<ShardStatement *>(palloc(sizeof(ShardStatement) * state->table->shard_count));
    auto *wanted = static_cast<bool *>(palloc0(sizeof(bool) * state->table->shard_count));
    for (int i = 0; i < batch.count; i++)
        wanted[batch.rows[i].shard] = true;
    int count = 0;
    for (int shard = 0; shard < state->table->shard_count; shard++) {
        if (wanted[shard])
            statements[count++] = make_insert(state, batch, shard, data, nulls);
    }
    if (state->wants_rows && !state->plan.may_skip)
        reserve_returned_rows(state, batch.count);
    return run_shard_statements(state, statements, count, false);
}

} // namespace

/// INSERT INTO shard AS t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT … RETURNING …
const char *
insert_command(const WriteState *state, int shard, int row_count)
{
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "INSERT INTO ");
    append_shard(&sql, state, shard);
    appendStringInfo(&sql, " AS t (%s) VALUES ", state->column_list);
    int n = list_length(state->plan.sent);
    for (int row = 0; row < row_count; row++) {
        appendStringInfoString(&sql, row > 0 ? ", (" : "(");
        for (int column = 0; column < state->column_count; column++)
            appendStringInfo(&sql, column > 0 ? ", $%d" : "$%d", ++n);
        appendStringInfoChar(&sql, ')');
    }
    if (state->plan.tail != nullptr)
        appendStringInfoString(&sql, state->plan.tail);
    if (state->row_list != nullptr)
        appendStringInfo(&sql, " RETURNING %s", state->row_list);
    return sql.data;
}

void
insert_batch(WriteState *state)
{
    const InsertBatch batch = read_batch(state);
    state->finished = state->source_ended;
    if (batch.count == 0)
        return;
    read_before_writing(state);
    MemoryContext old = MemoryContextSwitchTo(state->batch);
    const int64 rows = is_plain(state) && batch.count > kFewRows
                           ? copy_rows(state, batch)
                           : insert_by_statements(state, batch);
    MemoryContextSwitchTo(old);
    if (state->plan.can_set_tag)
        state->css.ss.ps.state->es_processed += rows;
}

} // namespace vecmesh
