// SPDX-License-Identifier: PostgreSQL
//
// From scan keys to what a scan compares.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/filter.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
}

#include "index/ivfrabitq/filter_program.hpp"

namespace vx::ivfrabitq
{

/// A constant among a column's values: it equals `at`, or lies between that and the next one.
struct Position {
    Key at;
    bool exact;
};

/// All values of the column's type.
static Interval
all_values(page::FilterKind kind)
{
    switch (kind) {
    case page::FilterKind::boolean:
        return {integer_key(0), integer_key(1)};
    case page::FilterKind::int2:
        return {integer_key(PG_INT16_MIN), integer_key(PG_INT16_MAX)};
    case page::FilterKind::int4:
    case page::FilterKind::date:
        return {integer_key(PG_INT32_MIN), integer_key(PG_INT32_MAX)};
    case page::FilterKind::int8:
    case page::FilterKind::timestamp:
    case page::FilterKind::text_hash:
        return {integer_key(PG_INT64_MIN), integer_key(PG_INT64_MAX)};
    case page::FilterKind::uuid:
        return {{0, 0}, {PG_UINT64_MAX, PG_UINT64_MAX}};
    }
    pg_unreachable();
}

static Position
exactly(int64 value)
{
    return {integer_key(value), true};
}

/// A moment among days: midnight is the day. Infinity is infinity in both types.
static Position
day_position(Timestamp moment)
{
    if (TIMESTAMP_IS_NOBEGIN(moment))
        return exactly(DATEVAL_NOBEGIN);
    if (TIMESTAMP_IS_NOEND(moment))
        return exactly(DATEVAL_NOEND);
    const int64 rest = moment % USECS_PER_DAY;
    return {integer_key(moment / USECS_PER_DAY - (rest < 0)), rest == 0};
}

/// A day among moments, by the session's time zone for timestamptz; a day that no timestamp reaches
/// is later than all finite ones.
static Position
moment_position(DateADT day, Oid column_type)
{
    int overflow = 0;
    const Timestamp moment = column_type == TIMESTAMPTZOID
                                 ? date2timestamptz_opt_overflow(day, &overflow)
                                 : date2timestamp_opt_overflow(day, &overflow);
    if (overflow > 0)
        return {integer_key(DT_NOEND - 1), false};
    if (overflow < 0)
        return {integer_key(DT_NOBEGIN), false};
    return exactly(moment);
}

/// REQUIRES: can_compare().
static Position
position_of(Relation index, int column, Oid type, Datum value)
{
    const Oid column_type = index->rd_opcintype[column];
    switch (type) {
    case BOOLOID:
        return exactly(DatumGetBool(value));
    case INT2OID:
        return exactly(DatumGetInt16(value));
    case INT4OID:
        return exactly(DatumGetInt32(value));
    case INT8OID:
        return exactly(DatumGetInt64(value));
    case DATEOID:
        return column_type == DATEOID ? exactly(DatumGetDateADT(value))
                                      : moment_position(DatumGetDateADT(value), column_type);
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
        return column_type == DATEOID ? day_position(DatumGetTimestamp(value))
                                      : exactly(DatumGetTimestamp(value));
    case UUIDOID:
        return {bytes_key(DatumGetUUIDP(value)->data), true};
    default:
        return exactly(hash_text(column_type, index->rd_indcollation[column], value));
    }
}

/// All keys k with "k strategy position".
static Interval
compared(StrategyNumber strategy, const Position &position)
{
    constexpr Key first = {0, 0};
    constexpr Key last = {PG_UINT64_MAX, PG_UINT64_MAX};
    const Interval up_to = {first, position.at};
    const Interval after = position.at == last ? kNothing : Interval{next(position.at), last};
    switch (strategy) {
    case BTLessStrategyNumber:
        if (!position.exact)
            return up_to;
        return position.at == first ? kNothing : Interval{first, previous(position.at)};
    case BTLessEqualStrategyNumber:
        return up_to;
    case BTEqualStrategyNumber:
        return position.exact ? Interval{position.at, position.at} : kNothing;
    case BTGreaterEqualStrategyNumber:
        return position.exact ? Interval{position.at, last} : after;
    case BTGreaterStrategyNumber:
        return after;
    default:
        elog(ERROR, "unexpected strategy number %d", strategy);
    }
}

/// column OPERATOR ANY (array): null elements match nothing.
static Interval *
intervals_of_array(Relation index, int column, Oid type, const ScanKeyData &key, uint32 *count)
{
    ArrayType *array = DatumGetArrayTypeP(key.sk_argument);
    int16 length;
    bool by_value;
    char alignment;
    get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
    Datum *values;
    bool *nulls;
    int elements;
    deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &values, &nulls,
                      &elements);

    auto *intervals = static_cast<Interval *>(palloc(sizeof(Interval) * Max(elements, 1)));
    uint32 made = 0;
    for (int i = 0; i < elements; i++) {
        CHECK_FOR_INTERRUPTS();
        if (!nulls[i])
            intervals[made++] =
                compared(key.sk_strategy, position_of(index, column, type, values[i]));
    }
    *count = static_cast<uint32>(unite(intervals, made));
    return intervals;
}

static Interval *
intervals_of_key(Relation index, int column, const ScanKeyData &key, uint32 *count)
{
    const Oid column_type = index->rd_opcintype[column];
    const Oid type = OidIsValid(key.sk_subtype) ? key.sk_subtype : column_type;
    if (!can_compare(column_type, type))
        elog(ERROR, "cannot compare column %d of index \"%s\" with type %u", column + 1,
             RelationGetRelationName(index), type);
    if (key.sk_flags & SK_SEARCHARRAY)
        return intervals_of_array(index, column, type, key, count);
    auto *interval = static_cast<Interval *>(palloc(sizeof(Interval)));
    *interval = compared(key.sk_strategy, position_of(index, column, type, key.sk_argument));
    *count = static_cast<uint32>(unite(interval, 1));
    return interval;
}

/// What has been asked of a column so far.
struct Demand {
    bool null;
    bool not_null;
    bool compared;
    Interval *intervals;
    uint32 count;
};

static void
demand_comparison(Relation index, int column, page::FilterKind kind, const ScanKeyData &key,
                  Demand *demand)
{
    if (!demand->compared) {
        demand->compared = demand->not_null = true;
        demand->intervals = static_cast<Interval *>(palloc(sizeof(Interval)));
        demand->intervals[0] = all_values(kind);
        demand->count = 1;
    }
    uint32 count;
    const Interval *intervals = intervals_of_key(index, column, key, &count);
    auto *both =
        static_cast<Interval *>(palloc(sizeof(Interval) * (demand->count + Max(count, 1U))));
    demand->count =
        static_cast<uint32>(intersect(demand->intervals, demand->count, intervals, count, both));
    demand->intervals = both;
}

/// False: no row can pass.
static bool
add_key(Relation index, const Meta &meta, const ScanKeyData &key, Demand *demands)
{
    const int column = key.sk_attno - 1;
    if (column == 0) // the vector: null ones are not in the index
        return (key.sk_flags & SK_SEARCHNULL) == 0;
    if (column > static_cast<int>(meta.page.filter_columns))
        elog(ERROR, "index \"%s\" has no column %d", RelationGetRelationName(index), column + 1);

    Demand *demand = demands + column - 1;
    if (key.sk_flags & SK_SEARCHNULL)
        demand->null = true;
    else if (key.sk_flags & SK_SEARCHNOTNULL)
        demand->not_null = true;
    else if (key.sk_flags & SK_ISNULL)
        return false;
    else
        demand_comparison(index, column, meta.page.filters[column - 1].kind, key, demand);
    return !(demand->null && demand->not_null) && !(demand->compared && demand->count == 0);
}

static void
add_filter(const page::FilterColumn &column, const Demand &demand, FilterProgram *program)
{
    if (!demand.null && !demand.not_null)
        return;
    ColumnFilter *filter = program->filters + program->count++;
    filter->column = column;
    filter->want_null = demand.null;
    filter->any_value = !demand.compared;
    filter->intervals = demand.intervals;
    filter->count = demand.count;
    if (filter->count > kFewIntervals)
        filter->lookup.make(
            filter->intervals, filter->count,
            static_cast<uint32 *>(palloc(sizeof(uint32) * IntervalLookup::room(filter->count))));
}

FilterProgram *
compile_filter(Relation index, const Meta &meta, const ScanKeyData *keys, int key_count,
               bool *never)
{
    *never = false;
    if (key_count == 0)
        return nullptr;

    Demand demands[page::kMaxFilterColumns] = {};
    auto *program = static_cast<FilterProgram *>(palloc0(sizeof(FilterProgram)));
    for (int i = 0; i < key_count; i++)
        if (!add_key(index, meta, keys[i], demands)) {
            *never = true;
            return program;
        }
    for (uint32 i = 0; i < meta.page.filter_columns; i++)
        add_filter(meta.page.filters[i], demands[i], program);
    return program->count > 0 ? program : nullptr;
}

} // namespace vx::ivfrabitq
