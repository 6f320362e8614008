// SPDX-License-Identifier: PostgreSQL
//
// An index build runs as the owner of the table, so it is the owner who must be allowed to read the
// queries. Policies of row-level security are not applied: where one would hide rows, the table is
// refused.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/calibration_queries.hpp"

extern "C" {
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/sampling.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"
}

#include "index/ivfrabitq/options.hpp"
#include "types/vector.hpp"

namespace vx::ivfrabitq
{

constexpr uint64 kSampleSeed = 4711;

// ---- the name

/// The first '(' that is not within quotes; nullptr: none.
static char *
find_parenthesis(char *name)
{
    bool quoted = false;
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '"')
            quoted = !quoted; // "" within quotes leaves and enters again
        else if (*c == '(' && !quoted)
            return c;
    }
    return nullptr;
}

[[noreturn]] static void
report_bad_name(const char *name)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid value for parameter \"queries\": \"%s\"", name),
                    errhint("Name a table, or a table and a column of it: \"queries\" or "
                            "\"schema.queries(embedding)\".")));
    pg_unreachable();
}

/// Parts of a qualified name.
static List *
parse_name(const char *part, const char *whole)
{
    const char *c = part;
    while (scanner_isspace(*c))
        c++;
    if (*c == '\0')
        report_bad_name(whole);
    return textToQualifiedNameList(cstring_to_text(part));
}

struct QueryName {
    RangeVar *table;
    const char *column; // nullptr: not named
};

static QueryName
parse_query_name(const char *name)
{
    char *table = pstrdup(name);
    QueryName parsed = {nullptr, nullptr};
    char *open = find_parenthesis(table);
    if (open != nullptr) {
        char *end = table + strlen(table);
        while (end > open && scanner_isspace(end[-1]))
            end--;
        if (end[-1] != ')')
            report_bad_name(name);
        end[-1] = '\0';
        *open = '\0';
        List *column = parse_name(open + 1, name);
        if (list_length(column) != 1)
            report_bad_name(name);
        parsed.column = strVal(linitial(column));
    }
    List *parts = parse_name(table, name);
    if (list_length(parts) > 2)
        report_bad_name(name);
    parsed.table = makeRangeVarFromNameList(parts);
    return parsed;
}

QueryColumn
find_query_column(Relation index, const char *name)
{
    const QueryName parsed = parse_query_name(name);
    if (parsed.table->schemaname == nullptr)
        parsed.table->schemaname = get_namespace_name(RelationGetNamespace(index));
    const Oid table = RangeVarGetRelid(parsed.table, AccessShareLock, true);
    if (!OidIsValid(table))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("table \"%s.%s\" of calibration queries does not exist",
                               parsed.table->schemaname, parsed.table->relname),
                        errdetail("It is named by parameter \"queries\" of index \"%s\".",
                                  RelationGetRelationName(index)),
                        errhint("A name without a schema is looked up in the schema of the "
                                "indexed table.")));
    return check_query_column(index, table, parsed.column);
}

// ---- the column

static void
check_kind(Relation table)
{
    const char kind = table->rd_rel->relkind;
    if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                        errmsg("\"%s\" cannot be read for calibration queries",
                               RelationGetRelationName(table)),
                        errhint("Use a table or a materialized view.")));
    if (RELATION_IS_OTHER_TEMP(table))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot read temporary tables of other sessions")));
}

/// The attribute number; 0: there is none of that type.
static AttrNumber
find_column(Relation table, Oid type, const char *column)
{
    AttrNumber found = InvalidAttrNumber;
    for (int i = 0; i < RelationGetDescr(table)->natts; i++) {
        const FormData_pg_attribute *attribute = TupleDescAttr(RelationGetDescr(table), i);
        if (attribute->attisdropped || attribute->atttypid != type ||
            (column != nullptr && strcmp(NameStr(attribute->attname), column) != 0))
            continue;
        if (found != InvalidAttrNumber)
            ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_COLUMN),
                            errmsg("table \"%s\" has several columns of type %s",
                                   RelationGetRelationName(table), format_type_be(type)),
                            errhint("Name the one that holds the queries.")));
        found = attribute->attnum;
    }
    return found;
}

[[noreturn]] static void
report_no_column(Relation table, Oid type, const char *column)
{
    if (column == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("table \"%s\" has no column of type %s",
                               RelationGetRelationName(table), format_type_be(type))));
    if (get_attnum(RelationGetRelid(table), column) == InvalidAttrNumber)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("column \"%s\" of table \"%s\" does not exist", column,
                               RelationGetRelationName(table))));
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" of table \"%s\" is not of type %s", column,
                           RelationGetRelationName(table), format_type_be(type)),
                    errdetail("Calibration queries have the type of the indexed column.")));
    pg_unreachable();
}

static void
check_privileges(Relation table, AttrNumber column)
{
    const Oid relid = RelationGetRelid(table);
    AclResult result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
    if (result != ACLCHECK_OK)
        result = pg_attribute_aclcheck(relid, column, GetUserId(), ACL_SELECT);
    if (result != ACLCHECK_OK)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied for table %s", RelationGetRelationName(table)),
                        errhint("Role \"%s\" needs SELECT on it.",
                                GetUserNameFromId(GetUserId(), false))));
    if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("table \"%s\" has row-level security and cannot be read for "
                               "calibration queries",
                               RelationGetRelationName(table))));
}

QueryColumn
check_query_column(Relation index, Oid table_oid, const char *column)
{
    Relation table = relation_open(table_oid, AccessShareLock);
    check_kind(table);
    const Oid type = TupleDescAttr(RelationGetDescr(index), 0)->atttypid;
    const AttrNumber number = find_column(table, type, column);
    if (number == InvalidAttrNumber)
        report_no_column(table, type, column);
    check_privileges(table, number);
    relation_close(table, NoLock);
    return {table_oid, number};
}

// ---- the rows

struct Sample {
    Datum *values;
    uint32 most;
    uint32 count;
    double seen;
    pg_prng_state random;
};

/// Where in the sample the next row belongs: every row is equally likely to stay (Vitter, "Random
/// sampling with a reservoir", TOMS 11(1), 1985, algorithm R). `most`: nowhere.
static uint32
choose_place(Sample *sample)
{
    sample->seen += 1;
    if (sample->count < sample->most)
        return sample->count++;
    const double place = sampler_random_fract(&sample->random) * sample->seen;
    return place < sample->most ? static_cast<uint32>(place) : sample->most;
}

static void
check_dimensions(Relation index, Relation table, Datum value, uint32 dimensions)
{
    const auto *vector = reinterpret_cast<const Vector *>(DatumGetPointer(value));
    if (static_cast<uint32>(vector->dim) != dimensions)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("queries in table \"%s\" have %d dimensions, index \"%s\" has %u",
                               RelationGetRelationName(table), vector->dim,
                               RelationGetRelationName(index), dimensions)));
}

static void
sample_column(Relation index, Relation table, AttrNumber column, uint32 dimensions, Sample *sample)
{
    const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    TupleTableSlot *slot = table_slot_create(table, nullptr);
    TableScanDesc scan = table_beginscan(table, snapshot, 0, nullptr);
    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
        CHECK_FOR_INTERRUPTS();
        bool isnull;
        const Datum value = slot_getattr(slot, column, &isnull);
        if (isnull)
            continue;
        const uint32 place = choose_place(sample);
        if (place == sample->most)
            continue;
        const bool replaces = sample->seen > sample->most;
        const Datum copy = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
        check_dimensions(index, table, copy, dimensions);
        if (replaces)
            pfree(DatumGetPointer(sample->values[place]));
        sample->values[place] = copy;
    }
    table_endscan(scan);
    ExecDropSingleTupleTableSlot(slot);
    UnregisterSnapshot(snapshot);
}

uint32
read_query_values(Relation index, const QueryColumn &source, uint32 dimensions, uint32 most,
                  Datum *values)
{
    Relation table = table_open(source.table, NoLock);
    Sample sample = {values, most, 0, 0, {}};
    sampler_random_init_state(kSampleSeed, &sample.random);
    sample_column(index, table, source.column, dimensions, &sample);
    if (sample.count == 0)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND),
                 errmsg("table \"%s\" has no calibration queries", RelationGetRelationName(table)),
                 errhint("Fill it with typical queries, or calibrate without a table.")));
    table_close(table, NoLock);
    return sample.count;
}

uint32
read_calibration_queries(Relation index, const Meta &meta, Encoder *encoder, float *out,
                         uint32 most)
{
    const char *name = get_queries(index);
    if (name == nullptr || most == 0)
        return 0;
    MemoryContext scratch =
        AllocSetContextCreate(CurrentMemoryContext, "calibration queries", ALLOCSET_DEFAULT_SIZES);
    MemoryContext previous = MemoryContextSwitchTo(scratch);
    auto *values = static_cast<Datum *>(palloc(most * sizeof(Datum)));
    const QueryColumn source = find_query_column(index, name);
    const uint32 found = read_query_values(index, source, meta.page.dimensions, most, values);
    uint32 count = 0;
    for (uint32 i = 0; i < found; i++) // without direction: cannot be a query of cosine distance
        if (prepare_row(encoder, values[i], out + static_cast<Size>(count) * meta.page.padded))
            count++;
    MemoryContextSwitchTo(previous);
    MemoryContextDelete(scratch);
    return count;
}

} // namespace vx::ivfrabitq
