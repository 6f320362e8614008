// SPDX-License-Identifier: PostgreSQL
//
// How many shards share one connection per worker. A connection carries one COPY at a time, so each
// node group has at most one *open* shard, whose rows go straight to the socket, while rows for the
// others wait in buffers. When a waiting buffer outgrows the switch threshold the open stream is
// ended and that shard becomes the open one. A switch costs two round trips and is paid once per
// megabytes; the threshold shrinks with the number of shards so that all buffers together stay
// bounded.
//
//   row ─▶ shard (hash) ─▶ buffer ─┬─ shard is open: send when > kSendSize
//                                  └─ else: when > threshold, finish_copy(open), start_copy(this)
//
// The encoding is COPY's binary format (PostgreSQL documentation, "COPY", File Formats).
#include "pg/postgres.hpp"

#include "executor/shard_copy.hpp"

#include "remote/connection.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

#include <algorithm>

namespace vecmesh
{

namespace
{

/// The open shard's rows are handed to libpq in pieces of this size.
constexpr int kSendSize = 64 * 1024;
/// A waiting shard becomes the open one at kMaxSwitchSize, or earlier so that the buffers of all
/// shards together stay below kMaxBuffered.
constexpr int kMaxSwitchSize = 4 * 1024 * 1024;
constexpr int kMinSwitchSize = 128 * 1024;
constexpr int kMaxBuffered = 64 * 1024 * 1024;

constexpr char kSignature[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; // with flags and extension length
constexpr int kSignatureLength = 19;

enum class Encoding : uint8 { fixed1, fixed2, fixed4, fixed8, string, send_function };

struct Column {
    int index; // attribute number - 1
    Encoding encoding;
    FmgrInfo send;
};

struct ShardBuffer {
    StringInfoData data;
    int64 shard_id;
    int group; // index into ShardCopy::groups
    int32 group_id;
};

struct GroupStream {
    Connection *connection;
    ShardBuffer *open; // nullptr: no stream
    ShardCopy *copy;   // for give_way()
};

} // namespace

struct ShardCopy {
    const DistributedTable *table;
    Relation relation;
    MemoryContext context;
    MemoryContext row_context; // results of send functions
    int column_count;
    Column *columns;
    ShardBuffer *shards;
    GroupStream *groups;
    int switch_size;
    int64 rows;
    bool has_stream_context;
    ErrorContextCallback *stream_context; // for errors of the workers
};

namespace
{

// ------------------------------------------------------------------------------------------------
// Encoding
// ------------------------------------------------------------------------------------------------

/// The types of most columns are encoded without a function call and its allocation. Text is sent
/// as it is: client_encoding of a worker connection is the server's encoding.
Encoding
encoding_of(Oid type)
{
    switch (type) {
    case BOOLOID:
        return Encoding::fixed1;
    case INT2OID:
        return Encoding::fixed2;
    case INT4OID:
    case FLOAT4OID:
    case OIDOID:
    case DATEOID:
        return Encoding::fixed4;
    case INT8OID:
    case FLOAT8OID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
        return Encoding::fixed8;
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
    case BYTEAOID:
        return Encoding::string;
    default:
        return Encoding::send_function;
    }
}

void
append_send_function(ShardCopy *copy, StringInfo out, Column *column, Datum value)
{
    MemoryContext old = MemoryContextSwitchTo(copy->row_context);
    bytea *sent = SendFunctionCall(&column->send, value);
    const int length = static_cast<int>(VARSIZE(sent) - VARHDRSZ);

    MemoryContextSwitchTo(old);
    pq_sendint32(out, length);
    appendBinaryStringInfo(out, VARDATA(sent), length);
    MemoryContextReset(copy->row_context);
}

void
append_string(ShardCopy *copy, StringInfo out, Datum value)
{
    MemoryContext old = MemoryContextSwitchTo(copy->row_context);
    auto *bytes = reinterpret_cast<struct varlena *>(DatumGetPointer(value));
    struct varlena *plain = pg_detoast_datum_packed(bytes);

    MemoryContextSwitchTo(old);
    pq_sendint32(out, VARSIZE_ANY_EXHDR(plain));
    appendBinaryStringInfo(out, VARDATA_ANY(plain), static_cast<int>(VARSIZE_ANY_EXHDR(plain)));
    if (plain != bytes)
        MemoryContextReset(copy->row_context);
}

void
append_value(ShardCopy *copy, StringInfo out, Column *column, Datum value)
{
    switch (column->encoding) {
    case Encoding::fixed1:
        pq_sendint32(out, 1);
        pq_sendint8(out, DatumGetBool(value) ? 1 : 0);
        break;
    case Encoding::fixed2:
        pq_sendint32(out, 2);
        pq_sendint16(out, DatumGetUInt16(value));
        break;
    case Encoding::fixed4:
        pq_sendint32(out, 4);
        pq_sendint32(out, DatumGetUInt32(value));
        break;
    case Encoding::fixed8:
        pq_sendint32(out, 8);
        pq_sendint64(out, DatumGetUInt64(value));
        break;
    case Encoding::string:
        append_string(copy, out, value);
        break;
    case Encoding::send_function:
        append_send_function(copy, out, column, value);
        break;
    }
}

void
append_row(ShardCopy *copy, StringInfo out, const Datum *values, const bool *nulls)
{
    pq_sendint16(out, static_cast<uint16>(copy->column_count));
    for (int i = 0; i < copy->column_count; i++) {
        Column *column = &copy->columns[i];

        if (nulls[column->index])
            pq_sendint32(out, static_cast<uint32>(-1));
        else
            append_value(copy, out, column, values[column->index]);
    }
}

void
prepare_columns(ShardCopy *copy)
{
    TupleDesc description = RelationGetDescr(copy->relation);

    copy->columns =
        static_cast<Column *>(palloc0(sizeof(Column) * std::max(description->natts, 1)));
    for (int i = 0; i < description->natts; i++) {
        Form_pg_attribute attribute = TupleDescAttr(description, i);

        if (attribute->attisdropped)
            continue;

        Column *column = &copy->columns[copy->column_count++];
        Oid function;
        bool is_varlena;

        column->index = i;
        column->encoding = encoding_of(getBaseType(attribute->atttypid));
        if (column->encoding == Encoding::send_function) {
            getTypeBinaryOutputInfo(attribute->atttypid, &function, &is_varlena);
            fmgr_info_cxt(function, &column->send, copy->context);
        }
    }
}

// ------------------------------------------------------------------------------------------------
// Streams
// ------------------------------------------------------------------------------------------------

const char *
copy_command(const ShardCopy *copy, int64 shard_id)
{
    TupleDesc description = RelationGetDescr(copy->relation);
    StringInfoData sql;

    initStringInfo(&sql);
    appendStringInfo(&sql, "COPY %s (", shard_qualified_name(copy->table->relation, shard_id));
    for (int i = 0; i < copy->column_count; i++) {
        Form_pg_attribute attribute = TupleDescAttr(description, copy->columns[i].index);

        appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
                         quote_identifier(NameStr(attribute->attname)));
    }
    appendStringInfoString(&sql, ") FROM STDIN (FORMAT binary)");
    return sql.data;
}

void
send_buffer(GroupStream *group, ShardBuffer *shard)
{
    send_copy_data(group->connection, shard->data.data, shard->data.len);
    resetStringInfo(&shard->data);
}

void
send_trailer(GroupStream *group, ShardBuffer *shard)
{
    pq_sendint16(&shard->data, static_cast<uint16>(-1));
    send_buffer(group, shard);
}

void
close_stream(ShardCopy *copy, GroupStream *group)
{
    if (group->open == nullptr)
        return;
    send_trailer(group, group->open);
    group->open = nullptr;
    copy->rows += finish_copy(group->connection);
}

/// A default expression, say, reads a distributed table while rows are on their way: the stream
/// ends here, between two rows, and the next rows of the shard start another one.
void
give_way(void *argument)
{
    auto *group = static_cast<GroupStream *>(argument);

    close_stream(group->copy, group);
}

void
open_stream(ShardCopy *copy, GroupStream *group, ShardBuffer *shard)
{
    MemoryContext old = MemoryContextSwitchTo(copy->row_context);

    claim_connections(&shard->group_id, 1, Access::write, copy->table->relation,
                      &group->connection);
    start_copy(group->connection, copy_command(copy, shard->shard_id), give_way, group);
    send_copy_data(group->connection, kSignature, kSignatureLength);
    group->open = shard;
    MemoryContextSwitchTo(old);
    MemoryContextReset(copy->row_context);
}

/// Ends the open streams of all groups together, so that the workers finish at the same time.
void
close_all_streams(ShardCopy *copy)
{
    const int group_count = copy->table->group_count;
    auto **connections = static_cast<Connection **>(palloc(sizeof(Connection *) * group_count));
    auto *rows = static_cast<int64 *>(palloc0(sizeof(int64) * group_count));
    int count = 0;

    for (int i = 0; i < group_count; i++) {
        GroupStream *group = &copy->groups[i];

        if (group->open == nullptr)
            continue;
        send_trailer(group, group->open);
        group->open = nullptr;
        connections[count++] = group->connection;
    }
    finish_copies(connections, count, rows);
    for (int i = 0; i < count; i++)
        copy->rows += rows[i];
}

/// A buffer has grown to kSendSize or more: sends it if the shard has, or can have, the connection.
void
advance(ShardCopy *copy, GroupStream *group, ShardBuffer *shard)
{
    if (group->open != nullptr && group->open != shard && shard->data.len < copy->switch_size)
        return;

    ErrorContextCallback *current = error_context_stack;

    if (copy->has_stream_context)
        error_context_stack = copy->stream_context;
    if (group->open != shard) {
        close_stream(copy, group);
        open_stream(copy, group, shard);
    }
    send_buffer(group, shard);
    error_context_stack = current;
}

[[noreturn]] void
raise_null_column(const ShardCopy *copy)
{
    const Form_pg_attribute attribute =
        TupleDescAttr(RelationGetDescr(copy->relation), copy->table->column - 1);

    ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
                    errmsg("null value in distribution column \"%s\" of relation \"%s\"",
                           NameStr(attribute->attname), RelationGetRelationName(copy->relation)),
                    errhint("The distribution column decides which shard a row belongs to."),
                    errtablecol(copy->relation, copy->table->column)));
}

} // namespace

ShardCopy *
begin_shard_copy(const DistributedTable *table, Relation relation)
{
    auto *copy = static_cast<ShardCopy *>(palloc0(sizeof(ShardCopy)));

    copy->table = table;
    copy->relation = relation;
    copy->context = CurrentMemoryContext;
    copy->row_context =
        AllocSetContextCreate(CurrentMemoryContext, "vecmesh copy row", ALLOCSET_DEFAULT_SIZES);
    copy->switch_size =
        std::clamp(kMaxBuffered / table->shard_count, kMinSwitchSize, kMaxSwitchSize);
    copy->groups = static_cast<GroupStream *>(palloc0(sizeof(GroupStream) * table->group_count));
    copy->shards = static_cast<ShardBuffer *>(palloc0(sizeof(ShardBuffer) * table->shard_count));
    for (int i = 0; i < table->group_count; i++)
        copy->groups[i].copy = copy;
    for (int i = 0; i < table->shard_count; i++) {
        const Shard *shard = &table->shards[i];

        copy->shards[i].shard_id = shard->shard_id;
        copy->shards[i].group_id = shard->group_id;
        copy->shards[i].group = static_cast<int>(
            std::lower_bound(table->groups, table->groups + table->group_count, shard->group_id) -
            table->groups);
    }
    prepare_columns(copy);
    return copy;
}

void
put_shard_row(ShardCopy *copy, const Datum *values, const bool *nulls)
{
    const DistributedTable *table = copy->table;

    if (nulls[table->column - 1])
        raise_null_column(copy);

    ShardBuffer *shard = &copy->shards[find_shard_index(table, values[table->column - 1])];
    GroupStream *group = &copy->groups[shard->group];

    if (shard->data.data == nullptr) {
        MemoryContext old = MemoryContextSwitchTo(copy->context);

        initStringInfo(&shard->data);
        MemoryContextSwitchTo(old);
    }
    append_row(copy, &shard->data, values, nulls);

    if (shard->data.len >= kSendSize)
        advance(copy, group, shard);
}

void
set_stream_error_context(ShardCopy *copy, ErrorContextCallback *callbacks)
{
    copy->has_stream_context = true;
    copy->stream_context = callbacks;
}

int64
finish_shard_copy(ShardCopy *copy)
{
    // Rounds: the open shard of every worker, then the next one that has rows, until none has.
    close_all_streams(copy);
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < copy->table->shard_count; i++) {
            ShardBuffer *shard = &copy->shards[i];
            GroupStream *group = &copy->groups[shard->group];

            if (shard->data.len == 0)
                continue;
            if (group->open != nullptr) {
                again = true;
                continue;
            }
            open_stream(copy, group, shard);
            send_buffer(group, shard);
        }
        close_all_streams(copy);
    }
    for (int i = 0; i < copy->table->shard_count; i++)
        if (copy->shards[i].data.data != nullptr)
            pfree(copy->shards[i].data.data);
    MemoryContextDelete(copy->row_context);
    return copy->rows;
}

bool
type_has_portable_binary(Oid type)
{
    const Oid base = getBaseType(type);
    const Oid element = get_element_type(base);

    if (get_typtype(base) == TYPTYPE_COMPOSITE || base == RECORDOID)
        return false;
    if (OidIsValid(element))
        return element < FirstGenbkiObjectId && type_has_portable_binary(element);

    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(base));

    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for type %u", base);

    const auto *form = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
    const bool portable = OidIsValid(form->typsend) && OidIsValid(form->typreceive);

    ReleaseSysCache(tuple);
    return portable;
}

} // namespace vecmesh
