// SPDX-License-Identifier: PostgreSQL
//
// From a row of libpq's result to the scan tuple.
#include "pg/postgres.hpp"

#include "executor/scan_state.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

void
init_reader(ColumnReader *reader, Oid type, int32 typmod)
{
    reader->type = type;
    reader->typmod = typmod;
    Oid function = InvalidOid;
    getTypeInputInfo(type, &function, &reader->text_parameter);
    fmgr_info(function, &reader->text_input);
    if (travels_binary(type)) {
        getTypeBinaryInputInfo(type, &function, &reader->binary_parameter);
        fmgr_info(function, &reader->binary_input);
    }
}

[[noreturn]] void
raise_bad_length(const ColumnReader *reader, int length)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                    errmsg("a worker sent a value of %d bytes for type %s", length,
                           format_type_be(reader->type))));
    pg_unreachable();
}

/// The common types without a detour through their receive functions. Text comes in the server's
/// own encoding (the connection asks for it) and needs no conversion.
bool
read_common_type(const ColumnReader *reader, const char *bytes, int length, Datum *value)
{
    switch (reader->type) {
    case INT4OID: {
        uint32 word = 0;
        if (length != sizeof(word))
            raise_bad_length(reader, length);
        memcpy(&word, bytes, sizeof(word));
        *value = Int32GetDatum(static_cast<int32>(pg_ntoh32(word)));
        return true;
    }
    case INT8OID:
    case FLOAT8OID: {
        uint64 word = 0;
        if (length != sizeof(word))
            raise_bad_length(reader, length);
        memcpy(&word, bytes, sizeof(word));
        *value = Int64GetDatum(static_cast<int64>(pg_ntoh64(word)));
        return true;
    }
    case TEXTOID:
        *value = PointerGetDatum(cstring_to_text_with_len(bytes, length));
        return true;
    default:
        return false;
    }
}

Datum
read_binary(ColumnReader *reader, char *bytes, int length)
{
    Datum value = 0;
    if (read_common_type(reader, bytes, length, &value))
        return value;
    StringInfoData buffer = {}; // reads libpq's memory in place; libpq ends each value with a zero
    buffer.data = bytes;
    buffer.len = length;
    buffer.maxlen = length + 1;
    value = ReceiveFunctionCall(&reader->binary_input, &buffer, reader->binary_parameter,
                                reader->typmod);
    if (buffer.cursor != buffer.len)
        raise_bad_length(reader, length);
    return value;
}

Datum
make_whole_row(const VecmeshScanState *state, const ScanRow *row)
{
    const TupleDesc descriptor = RelationGetDescr(state->custom.ss.ss_currentRelation);
    auto *values = static_cast<Datum *>(palloc0(sizeof(Datum) * descriptor->natts));
    auto *nulls = static_cast<bool *>(palloc(sizeof(bool) * descriptor->natts));
    memset(nulls, true, sizeof(bool) * descriptor->natts);
    int attribute = 0;
    ListCell *cell;
    foreach (cell, state->plan.row_columns) {
        const int column = lfirst_int(cell);
        if (column >= 0) {
            values[attribute] = row->remote_values[column];
            nulls[attribute] = row->remote_nulls[column];
        }
        attribute++;
    }
    HeapTuple tuple = heap_form_tuple(descriptor, values, nulls);
    return heap_copy_tuple_as_datum(tuple, descriptor);
}

void
read_remote_columns(VecmeshScanState *state, const RemoteRow *remote, ScanRow *row)
{
    for (int i = 0; i < state->column_count; i++) {
        ColumnReader *reader = &state->readers[i];
        row->remote_nulls[i] = PQgetisnull(remote->result, remote->row, i) != 0;
        row->remote_values[i] = 0;
        if (row->remote_nulls[i])
            continue;
        char *bytes = PQgetvalue(remote->result, remote->row, i);
        if (state->binary)
            row->remote_values[i] =
                read_binary(reader, bytes, PQgetlength(remote->result, remote->row, i));
        else
            row->remote_values[i] = InputFunctionCall(&reader->text_input, bytes,
                                                      reader->text_parameter, reader->typmod);
    }
}

} // namespace

void
init_readers(VecmeshScanState *state)
{
    state->column_count = list_length(state->plan.columns);
    state->readers =
        static_cast<ColumnReader *>(palloc0(sizeof(ColumnReader) * (state->column_count + 1)));
    state->binary_types = true;
    for (int i = 0; i < state->column_count; i++) {
        init_reader(&state->readers[i], list_nth_oid(state->plan.column_types, i),
                    list_nth_int(state->plan.column_typmods, i));
        state->binary_types =
            state->binary_types && OidIsValid(state->readers[i].binary_input.fn_oid);
    }
}

ScanRow *
make_rows(VecmeshScanState *state, int count)
{
    const int tuple_columns = list_length(state->plan.sources);
    auto *rows = static_cast<ScanRow *>(palloc0(sizeof(ScanRow) * (count + 1)));
    for (int i = 0; i < count; i++) {
        ScanRow *row = &rows[i];
        row->context =
            AllocSetContextCreate(CurrentMemoryContext, "vecmesh scan: row", ALLOCSET_SMALL_SIZES);
        row->remote_values =
            static_cast<Datum *>(palloc(sizeof(Datum) * (state->column_count + 1)));
        row->remote_nulls = static_cast<bool *>(palloc(sizeof(bool) * (state->column_count + 1)));
        row->values = static_cast<Datum *>(palloc(sizeof(Datum) * tuple_columns));
        row->nulls = static_cast<bool *>(palloc(sizeof(bool) * tuple_columns));
    }
    return rows;
}

void
read_row(VecmeshScanState *state, const RemoteRow *remote, ScanRow *row)
{
    MemoryContextReset(row->context);
    MemoryContext previous = MemoryContextSwitchTo(row->context);
    if (PQnfields(remote->result) != state->column_count)
        ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                        errmsg("a worker sent %d columns where %d were asked for",
                               PQnfields(remote->result), state->column_count)));
    read_remote_columns(state, remote, row);
    int i = 0;
    ListCell *cell;
    foreach (cell, state->plan.sources) {
        const int source = lfirst_int(cell);
        row->nulls[i] = false;
        if (source >= 0) {
            row->values[i] = row->remote_values[source];
            row->nulls[i] = row->remote_nulls[source];
        } else if (source == kFromTableOid) {
            row->values[i] = ObjectIdGetDatum(state->relation);
        } else {
            row->values[i] = make_whole_row(state, row);
        }
        i++;
    }
    MemoryContextSwitchTo(previous);
}

} // namespace vecmesh
