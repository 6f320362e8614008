// SPDX-License-Identifier: PostgreSQL
//
// Filter columns: which there may be, and how their values are stored.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/filter.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
}

#include "index/common/operator_class.hpp"
#include "index/ivfrabitq/filter_program.hpp"

namespace vx::ivfrabitq
{

static bool
is_ordered_by_distance(Relation index, int column)
{
    return OidIsValid(index_getprocid(index, static_cast<AttrNumber>(column + 1),
                                      static_cast<uint16>(index::kDistanceProc)));
}

/// The columns' names are for people: those of the index follow the table's.
static const char *
column_name(Relation index, int column)
{
    return NameStr(TupleDescAttr(RelationGetDescr(index), column)->attname);
}

static bool
is_integer(Oid type)
{
    return type == INT2OID || type == INT4OID || type == INT8OID;
}

bool
filter_kind(Oid type, page::FilterKind *kind)
{
    switch (type) {
    case BOOLOID:
        *kind = page::FilterKind::boolean;
        return true;
    case INT2OID:
        *kind = page::FilterKind::int2;
        return true;
    case INT4OID:
        *kind = page::FilterKind::int4;
        return true;
    case INT8OID:
        *kind = page::FilterKind::int8;
        return true;
    case DATEOID:
        *kind = page::FilterKind::date;
        return true;
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
        *kind = page::FilterKind::timestamp;
        return true;
    case UUIDOID:
        *kind = page::FilterKind::uuid;
        return true;
    case TEXTOID:
    case BPCHAROID:
        *kind = page::FilterKind::text_hash;
        return true;
    default:
        return false;
    }
}

bool
can_compare(Oid column_type, Oid constant_type)
{
    if (column_type == constant_type || (is_integer(column_type) && is_integer(constant_type)))
        return true;
    // Not date with timestamptz, nor timestamp with timestamptz: what such a comparison means
    // depends, for every value of the column, on the session's time zone.
    if (column_type == DATEOID)
        return constant_type == TIMESTAMPOID;
    return (column_type == TIMESTAMPOID || column_type == TIMESTAMPTZOID) &&
           constant_type == DATEOID;
}

static page::FilterKind
kind_of_column(Relation index, int column)
{
    page::FilterKind kind;
    if (!filter_kind(index->rd_opcintype[column], &kind))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("column \"%s\" of index \"%s\" cannot filter: its type %s is not "
                               "supported",
                               column_name(index, column), RelationGetRelationName(index),
                               format_type_be(index->rd_opcintype[column])),
                        errhint("Filter columns can be of type boolean, smallint, integer, bigint, "
                                "date, timestamp, timestamptz, uuid and text.")));
    return kind;
}

uint32
filter_kinds(Relation index, page::FilterKind *kinds)
{
    const int columns = IndexRelationGetNumberOfKeyAttributes(index);
    if (!is_ordered_by_distance(index, 0))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("first column of index \"%s\" is not a vector",
                               RelationGetRelationName(index)),
                        errhint("Name the vector first, then the columns to filter by.")));
    for (int i = 1; i < columns; i++)
        if (is_ordered_by_distance(index, i))
            ereport(ERROR,
                    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                     errmsg("index \"%s\" cannot have the vector \"%s\" after its first column",
                            RelationGetRelationName(index), column_name(index, i)),
                     errhint("Create an index for each vector.")));
    if (columns - 1 > static_cast<int>(page::kMaxFilterColumns))
        ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
                        errmsg("index \"%s\" cannot have more than %d columns after the vector",
                               RelationGetRelationName(index),
                               static_cast<int>(page::kMaxFilterColumns))));
    for (int i = 1; i < columns; i++)
        kinds[i - 1] = kind_of_column(index, i);
    return static_cast<uint32>(columns - 1);
}

int64
hash_text(Oid type, Oid collation, Datum value)
{
    // As hash indexes do: of equal values under the collation, deterministic or not, the same.
    const PGFunction hash = type == BPCHAROID ? hashbpcharextended : hashtextextended;
    return DatumGetInt64(DirectFunctionCall2Coll(hash, collation, value, Int64GetDatum(0)));
}

template <class T>
static void
store(uint8 *out, T value)
{
    memcpy(out, &value, sizeof(value));
}

static void
store_value(Relation index, int column, page::FilterKind kind, Datum value, uint8 *out)
{
    switch (kind) {
    case page::FilterKind::boolean:
        return store<uint8>(out, DatumGetBool(value));
    case page::FilterKind::int2:
        return store(out, DatumGetInt16(value));
    case page::FilterKind::int4:
        return store(out, DatumGetInt32(value));
    case page::FilterKind::int8:
        return store(out, DatumGetInt64(value));
    case page::FilterKind::date:
        return store(out, DatumGetDateADT(value));
    case page::FilterKind::timestamp:
        return store(out, DatumGetTimestamp(value));
    case page::FilterKind::uuid:
        memcpy(out, DatumGetUUIDP(value)->data, UUID_LEN);
        return;
    case page::FilterKind::text_hash:
        return store(out,
                     hash_text(index->rd_opcintype[column], index->rd_indcollation[column], value));
    }
}

void
store_filter_values(Relation index, const Meta &meta, const Datum *values, const bool *isnull,
                    RowCode *row)
{
    uint8 *out = filter_values(meta, row);
    row->nulls = 0;
    for (uint32 i = 0; i < meta.page.filter_columns; i++) {
        const page::FilterColumn &column = meta.page.filters[i];
        const int number = static_cast<int>(i) + 1;
        if (isnull[number]) {
            row->nulls |= static_cast<uint8>(1U << i);
            memset(out, 0, column.width);
        } else {
            store_value(index, number, column.kind, values[number], out);
        }
        out += column.width;
    }
}

void
put_filter_values(const Meta &meta, uint8 *group, uint32 slot, RowCode *row)
{
    const uint8 *value = filter_values(meta, row);
    const uint32 bit = 1U << slot;
    for (uint32 i = 0; i < meta.page.filter_columns; i++) {
        const page::FilterColumn &column = meta.page.filters[i];
        memcpy(group + column.values_offset + slot * column.width, value, column.width);
        auto *nulls = reinterpret_cast<uint32 *>(group + column.nulls_offset);
        *nulls = (row->nulls >> i & 1) ? *nulls | bit : *nulls & ~bit;
        value += column.width;
    }
}

} // namespace vx::ivfrabitq
