// SPDX-License-Identifier: PostgreSQL
//
// UPDATE and DELETE by row identity: the subplan, which may join and call whatever it likes, has
// told shard, ctid and new values of every row, and its scan has locked the rows on the workers, so
// that their ctids stay true until the transaction ends. Everything is read before the first row is
// written. A row that a join has found several times is changed once, by its first appearance, as
// in PostgreSQL.
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/itemptr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#include "planner/shippable.hpp"

namespace vecmesh
{

namespace
{

constexpr int kBatchRows = 1000;
constexpr Size kBatchBytes = 16 * 1024 * 1024;
constexpr int kMaxParameters = 65535;

/// What names a row. All bytes are set: the hash table compares them so.
struct RowIdentity {
    uint32 shard;
    uint32 block;
    uint32 offset;
};

struct RowsBatch {
    int count;
    Size bytes;
    SourceRow *rows;
};

bool
is_new_row(WriteState *state, const SourceRow &row)
{
    if (state->seen == nullptr) {
        HASHCTL control = {};
        control.keysize = sizeof(RowIdentity);
        control.entrysize = sizeof(RowIdentity);
        control.hcxt = state->css.ss.ps.state->es_query_cxt;
        state->seen = hash_create("vecmesh: rows written", 1024, &control,
                                  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    const RowIdentity identity = {static_cast<uint32>(row.shard),
                                  ItemPointerGetBlockNumber(&row.ctid),
                                  ItemPointerGetOffsetNumber(&row.ctid)};
    bool found;
    hash_search(state->seen, &identity, HASH_ENTER, &found);
    return !found;
}

/// Reads a row's identity; false for a row that is not to be written.
bool
read_identity(WriteState *state, TupleTableSlot *slot, SourceRow *row)
{
    bool no_shard;
    bool no_ctid;
    const Datum shard = slot_getattr(slot, state->plan.shard_column, &no_shard);
    const Datum ctid = slot_getattr(slot, state->plan.ctid_column, &no_ctid);
    if (no_shard || no_ctid)
        elog(ERROR, "the scan of a distributed table did not name a row");
    row->shard = static_cast<int>(DatumGetCommandId(shard));
    if (row->shard < 0 || row->shard >= state->table->shard_count)
        elog(ERROR, "shard number %d is out of range", row->shard);
    row->ctid = *reinterpret_cast<ItemPointer>(DatumGetPointer(ctid));
    return is_new_row(state, *row);
}

int
row_parameter_count(const WriteState *state)
{
    return 2 + list_length(state->plan.update_columns);
}

RowsBatch
read_batch(WriteState *state)
{
    const int limit = Min(kBatchRows, kMaxParameters / row_parameter_count(state));
    RowsBatch batch = {};
    batch.rows =
        static_cast<SourceRow *>(MemoryContextAlloc(state->batch, sizeof(SourceRow) * limit));
    while (batch.count < limit && batch.bytes < kBatchBytes) {
        CHECK_FOR_INTERRUPTS();
        TupleTableSlot *slot = next_source_row(state);
        if (slot == nullptr)
            break;
        SourceRow *row = &batch.rows[batch.count];
        if (!read_identity(state, slot, row))
            continue;
        MemoryContext old = MemoryContextSwitchTo(state->batch);
        row->tuple = ExecCopySlotMinimalTuple(slot);
        MemoryContextSwitchTo(old);
        batch.bytes += row->tuple->t_len;
        batch.count++;
    }
    return batch;
}

const char *
ctid_text(const SourceRow &row)
{
    return psprintf("(%u,%u)", ItemPointerGetBlockNumber(&row.ctid),
                    ItemPointerGetOffsetNumber(&row.ctid));
}

/// A statement whose returned rows go at the end.
ShardStatement
make_statement(int shard, const StringInfoData *sql, const ParameterList *parameters)
{
    ShardStatement statement = {};
    statement.shard = shard;
    statement.sql = sql->data;
    statement.parameters = &parameters->parameters;
    return statement;
}

/// DELETE FROM shard WHERE ctid = ANY ($1): nothing comes back, so nothing needs a number.
ShardStatement
make_plain_delete(WriteState *state, const RowsBatch &batch, int shard)
{
    StringInfoData ctids;
    StringInfoData sql;
    initStringInfo(&ctids);
    initStringInfo(&sql);
    appendStringInfoChar(&ctids, '{');
    for (int i = 0; i < batch.count; i++) {
        if (batch.rows[i].shard == shard)
            appendStringInfo(&ctids, "%s\"%s\"", ctids.len > 1 ? "," : "",
                             ctid_text(batch.rows[i]));
    }
    appendStringInfoChar(&ctids, '}');
    appendStringInfoString(&sql, "DELETE FROM ");
    append_shard(&sql, state, shard);
    appendStringInfoString(&sql, " t WHERE t.ctid = ANY ($1::tid[])");
    ParameterList *list = make_parameter_list(1);
    add_text_parameter(list, ctids.data);
    return make_statement(shard, &sql, list);
}

/// "c0, c1, …" or "a = v.c0, b = v.c1, …".
void
append_columns(StringInfo sql, const WriteState *state, bool assign)
{
    int i = 0;
    ListCell *cell;
    foreach (cell, state->plan.update_columns) {
        appendStringInfoString(sql, i > 0 || !assign ? ", " : "");
        if (assign)
            appendStringInfo(
                sql, "%s = v.",
                quote_identifier(get_attname(state->table->relation, lfirst_int(cell), false)));
        appendStringInfo(sql, "c%d", i++);
    }
}

/// "(VALUES (0, $1::tid, $2::integer), (1, $3, $4)) v (n, ctid, c0)"; n is the row's number in the
/// batch. Casts in every row: the worker must not guess a column's type from its first row alone.
void
append_values(StringInfo sql, WriteState *state, const RowsBatch &batch, int shard,
              const char *const *casts)
{
    int parameter = 0;
    appendStringInfoString(sql, "(VALUES ");
    for (int i = 0; i < batch.count; i++) {
        if (batch.rows[i].shard != shard)
            continue;
        appendStringInfo(sql, "%s(%d, $%d::tid", parameter > 0 ? ", " : "", i, parameter + 1);
        parameter++;
        for (int column = 0; column < list_length(state->plan.update_columns); column++)
            appendStringInfo(sql, ", $%d::%s", ++parameter, casts[column]);
        appendStringInfoChar(sql, ')');
    }
    appendStringInfoString(sql, ") v (n, ctid");
    append_columns(sql, state, false);
    appendStringInfoChar(sql, ')');
}

void
add_new_values(WriteState *state, ParameterList *list, const SourceRow &row, ValueCodec *codecs)
{
    add_text_parameter(list, ctid_text(row));
    ExecForceStoreMinimalTuple(row.tuple, state->source_slot, false);
    // PostgreSQL puts the new values first, in the order of update_columns
    for (int column = 0; column < list_length(state->plan.update_columns); column++) {
        bool is_null;
        const Datum value = slot_getattr(state->source_slot, column + 1, &is_null);
        add_parameter(list, &codecs[column], value, is_null);
    }
}

ShardStatement
make_numbered(WriteState *state, const RowsBatch &batch, int shard, ValueCodec *codecs,
              const char *const *casts)
{
    const bool is_update = state->plan.operation == CMD_UPDATE;
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, is_update ? "UPDATE " : "DELETE FROM ");
    append_shard(&sql, state, shard);
    appendStringInfoString(&sql, " t ");
    if (is_update) {
        appendStringInfoString(&sql, "SET ");
        append_columns(&sql, state, true);
    }
    appendStringInfoString(&sql, is_update ? " FROM " : "USING ");
    append_values(&sql, state, batch, shard, casts);
    appendStringInfoString(&sql, " WHERE t.ctid = v.ctid");
    if (state->row_list != nullptr)
        appendStringInfo(&sql, " RETURNING v.n, %s", state->row_list);

    ParameterList *list = make_parameter_list(batch.count * row_parameter_count(state));
    for (int i = 0; i < batch.count; i++) {
        if (batch.rows[i].shard == shard)
            add_new_values(state, list, batch.rows[i], codecs);
    }
    return make_statement(shard, &sql, list);
}

/// Codecs and type names of the columns that UPDATE sets.
void
describe_new_values(const WriteState *state, ValueCodec **codecs, const char ***casts)
{
    const int count = list_length(state->plan.update_columns);
    *codecs = static_cast<ValueCodec *>(palloc0(sizeof(ValueCodec) * Max(count, 1)));
    *casts = static_cast<const char **>(palloc(sizeof(char *) * Max(count, 1)));
    int i = 0;
    ListCell *cell;
    foreach (cell, state->plan.update_columns) {
        const Form_pg_attribute attribute =
            TupleDescAttr(RelationGetDescr(state->relation), lfirst_int(cell) - 1);
        init_value_codec(&(*codecs)[i], attribute->atttypid, -1,
                         travels_binary(attribute->atttypid));
        (*casts)[i++] = format_type_extended(attribute->atttypid, -1, FORMAT_TYPE_FORCE_QUALIFY);
    }
}

int64
write_rows(WriteState *state, const RowsBatch &batch)
{
    const bool is_plain_delete = state->plan.operation == CMD_DELETE && !state->wants_rows;
    auto *wanted = static_cast<bool *>(palloc0(sizeof(bool) * state->table->shard_count));
    for (int i = 0; i < batch.count; i++)
        wanted[batch.rows[i].shard] = true;
    ValueCodec *codecs;
    const char **casts;
    describe_new_values(state, &codecs, &casts);

    auto *statements =
        static_cast<ShardStatement *>(palloc(sizeof(ShardStatement) * state->table->shard_count));
    int count = 0;
    for (int shard = 0; shard < state->table->shard_count; shard++) {
        if (wanted[shard])
            statements[count++] = is_plain_delete
                                      ? make_plain_delete(state, batch, shard)
                                      : make_numbered(state, batch, shard, codecs, casts);
    }
    if (state->wants_rows) {
        reserve_returned_rows(state, batch.count);
        for (int i = 0; i < batch.count; i++)
            state->returned[i].plan_row = batch.rows[i].tuple;
    }
    return run_shard_statements(state, statements, count, state->wants_rows);
}

} // namespace

void
modify_rows_batch(WriteState *state)
{
    read_before_writing(state);
    const RowsBatch batch = read_batch(state);
    state->finished = state->source_ended;
    if (batch.count == 0)
        return;
    MemoryContext old = MemoryContextSwitchTo(state->batch);
    const int64 rows = write_rows(state, batch);
    MemoryContextSwitchTo(old);
    if (state->plan.can_set_tag)
        state->css.ss.ps.state->es_processed += rows;
}

} // namespace vecmesh
