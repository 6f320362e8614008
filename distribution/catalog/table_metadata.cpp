// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "catalog/table_metadata.hpp"

#include "catalog/catalog_access.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

namespace vecmesh
{

namespace
{

/// Without shard_count => and with vecmesh.shard_count = 0: one shard per worker.
int
default_shard_count(int configured)
{
    int32 *groups;
    const int workers = get_worker_groups(&groups);

    if (workers == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the cluster has no workers"),
                        errhint("Add worker databases with vecmesh.add_node().")));
    return configured > 0 ? configured : workers;
}

const DistributedTable *
find_pattern(const char *name)
{
    const Oid relation =
        RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name))),
                         AccessShareLock, false);

    return get_distributed_table(relation);
}

void
check_pattern(Relation relation, AttrNumber column, int shard_count,
              const DistributedTable *pattern)
{
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
    const char *pattern_name = get_rel_name(pattern->relation);

    if (attribute->atttypid != pattern->column_type ||
        attribute->attcollation != pattern->column_collation)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("cannot co-locate table \"%s\" with \"%s\"",
                               RelationGetRelationName(relation), pattern_name),
                        errdetail("Distribution column \"%s\" has type %s, that of \"%s\" has type "
                                  "%s, or their collations differ.",
                                  NameStr(attribute->attname), format_type_be(attribute->atttypid),
                                  pattern_name, format_type_be(pattern->column_type)),
                        errhint("Co-located tables need the same type of distribution column; use "
                                "colocate_with => 'none' otherwise.")));
    if (shard_count != 0 && shard_count != pattern->shard_count)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("cannot co-locate table \"%s\" with \"%s\"",
                               RelationGetRelationName(relation), pattern_name),
                        errdetail("Table \"%s\" has %d shards, not %d.", pattern_name,
                                  pattern->shard_count, shard_count),
                        errhint("Leave out shard_count, or use colocate_with => 'none'.")));
}

int32
make_colocation(Form_pg_attribute attribute, int shard_count, bool is_default)
{
    const Oid types[] = {INT4OID, REGTYPEOID, OIDOID, BOOLOID};
    const Datum values[] = {Int32GetDatum(shard_count), ObjectIdGetDatum(attribute->atttypid),
                            ObjectIdGetDatum(attribute->attcollation), BoolGetDatum(is_default)};
    int64 id;

    run_catalog_statement("INSERT INTO vecmesh.colocation"
                          " (shard_count, column_type, column_collation, is_default)"
                          " VALUES ($1, $2, $3, $4) RETURNING colocation_id",
                          {4, types, values}, &id);
    return static_cast<int32>(id);
}

/// A table of the default set for this column type and shard count; InvalidOid when there is none.
Oid
find_default_pattern(Form_pg_attribute attribute, int shard_count)
{
    const Oid types[] = {INT4OID, REGTYPEOID, OIDOID};
    const Datum values[] = {Int32GetDatum(shard_count), ObjectIdGetDatum(attribute->atttypid),
                            ObjectIdGetDatum(attribute->attcollation)};
    int64 relation;

    run_catalog_statement("SELECT t.relation::oid::int8 FROM vecmesh.distributed_table t"
                          " JOIN vecmesh.colocation c USING (colocation_id)"
                          " JOIN pg_class r ON r.oid = t.relation"
                          " WHERE c.is_default AND c.shard_count = $1 AND c.column_type = $2"
                          " AND c.column_collation = $3 ORDER BY 1 LIMIT 1",
                          {3, types, values}, &relation);
    return static_cast<Oid>(relation);
}

/// Boundaries of `count` equal ranges of the int64 hash space.
int64
range_start(int index, int count)
{
    const auto space = static_cast<unsigned __int128>(1) << 64;
    const auto offset =
        static_cast<uint64>(space * static_cast<unsigned>(index) / static_cast<unsigned>(count));

    return static_cast<int64>(offset ^ (UINT64CONST(1) << 63)); // from PG_INT64_MIN upwards
}

Datum
make_array(Datum *elements, int count, Oid type)
{
    const bool wide = type == INT8OID;

    return PointerGetDatum(construct_array(elements, count, type, wide ? 8 : 4,
                                           wide ? FLOAT8PASSBYVAL : true,
                                           wide ? TYPALIGN_DOUBLE : TYPALIGN_INT));
}

} // namespace

Colocation
find_or_make_colocation(Relation relation, AttrNumber column, int shard_count,
                        const char *colocate_with)
{
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
    const bool by_default = strcmp(colocate_with, "default") == 0;

    if (!by_default && strcmp(colocate_with, "none") != 0) {
        const DistributedTable *pattern = find_pattern(colocate_with);

        check_pattern(relation, column, shard_count, pattern);
        return {pattern->colocation_id, pattern};
    }

    const int count = default_shard_count(shard_count);

    if (by_default) {
        const Oid pattern = find_default_pattern(attribute, count);

        if (OidIsValid(pattern)) {
            const DistributedTable *table = get_distributed_table(pattern);

            return {table->colocation_id, table};
        }
    }
    return {make_colocation(attribute, count, by_default), nullptr};
}

const DistributedTable *
insert_table_metadata(Relation relation, AttrNumber column, const Colocation &colocation,
                      int shard_count)
{
    const DistributedTable *pattern = colocation.pattern;
    int32 *workers;
    const int worker_count = get_worker_groups(&workers);
    const int count = pattern != nullptr ? pattern->shard_count : default_shard_count(shard_count);
    auto *starts = static_cast<Datum *>(palloc(sizeof(Datum) * count));
    auto *ends = static_cast<Datum *>(palloc(sizeof(Datum) * count));
    auto *groups = static_cast<Datum *>(palloc(sizeof(Datum) * count));

    for (int i = 0; i < count; i++) {
        const bool last = i == count - 1;

        starts[i] =
            Int64GetDatum(pattern != nullptr ? pattern->shards[i].min_hash : range_start(i, count));
        ends[i] = Int64GetDatum(pattern != nullptr ? pattern->shards[i].max_hash
                                : last             ? PG_INT64_MAX
                                                   : range_start(i + 1, count) - 1);
        groups[i] = Int32GetDatum(pattern != nullptr ? pattern->shards[i].group_id
                                                     : workers[i % worker_count]);
    }

    const Oid types[] = {REGCLASSOID, NAMEOID, INT4OID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID};
    const Datum values[] = {
        ObjectIdGetDatum(RelationGetRelid(relation)),
        NameGetDatum(&TupleDescAttr(RelationGetDescr(relation), column - 1)->attname),
        Int32GetDatum(colocation.colocation_id),
        make_array(starts, count, INT8OID),
        make_array(ends, count, INT8OID),
        make_array(groups, count, INT4OID),
    };

    // One statement, so that no session, this one included, ever sees a table without its shards.
    run_catalog_statement(
        "WITH t AS (INSERT INTO vecmesh.distributed_table"
        "   (relation, method, column_name, colocation_id) VALUES ($1, 'hash', $2, $3)),"
        " s AS (INSERT INTO vecmesh.shard (relation, min_hash, max_hash)"
        "   SELECT $1, r.lo, r.hi FROM unnest($4, $5) AS r (lo, hi) ORDER BY r.lo"
        "   RETURNING shard_id, min_hash)"
        " INSERT INTO vecmesh.placement (shard_id, group_id)"
        "   SELECT s.shard_id, p.group_id FROM s"
        "   JOIN unnest($4, $6) AS p (lo, group_id) ON p.lo = s.min_hash ORDER BY s.shard_id",
        {6, types, values});
    return get_distributed_table(RelationGetRelid(relation));
}

void
delete_table_metadata(Oid relation)
{
    const Oid types[] = {REGCLASSOID};
    const Datum values[] = {ObjectIdGetDatum(relation)};
    const CatalogArguments arguments = {1, types, values};

    run_catalog_statement("DELETE FROM vecmesh.placement p USING vecmesh.shard s"
                          " WHERE s.shard_id = p.shard_id AND s.relation = $1",
                          arguments);
    run_catalog_statement("DELETE FROM vecmesh.shard WHERE relation = $1", arguments);
    run_catalog_statement("DELETE FROM vecmesh.distributed_table WHERE relation = $1", arguments);
    run_catalog_statement("DELETE FROM vecmesh.colocation c WHERE NOT EXISTS"
                          " (SELECT FROM vecmesh.distributed_table t"
                          " WHERE t.colocation_id = c.colocation_id)",
                          {0, nullptr, nullptr});
}

} // namespace vecmesh
