// SPDX-License-Identifier: PostgreSQL
//
// Index and constraint definitions come from PostgreSQL's own deparser under search_path
// pg_catalog, which makes it qualify every name; only the head of the definition, with the names
// that differ on a shard, is replaced.
#include "pg/postgres.hpp"

#include "ddl/shard_ddl.hpp"

#include "catalog/metadata.hpp"
#include "ddl/pinned_settings.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/toast_compression.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
}

namespace vecmesh
{

namespace
{

char *
qualified_collation(Oid collation)
{
    HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));

    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for collation %u", collation);

    const auto *form = reinterpret_cast<Form_pg_collation>(GETSTRUCT(tuple));
    char *name = quote_qualified_identifier(get_namespace_name(form->collnamespace),
                                            NameStr(form->collname));

    ReleaseSysCache(tuple);
    return name;
}

void
append_column(StringInfo sql, Form_pg_attribute attribute)
{
    appendStringInfo(sql, "%s %s", quote_identifier(NameStr(attribute->attname)),
                     format_type_extended(attribute->atttypid, attribute->atttypmod,
                                          FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
    if (CompressionMethodIsValid(attribute->attcompression))
        appendStringInfo(sql, " COMPRESSION %s",
                         GetCompressionMethodName(attribute->attcompression));
    if (OidIsValid(attribute->attcollation) &&
        attribute->attcollation != get_typcollation(attribute->atttypid))
        appendStringInfo(sql, " COLLATE %s", qualified_collation(attribute->attcollation));
    if (attribute->attnotnull)
        appendStringInfoString(sql, " NOT NULL");
}

char *
constraint_definition(Oid constraint)
{
    return TextDatumGetCString(
        OidFunctionCall1(F_PG_GET_CONSTRAINTDEF_OID, ObjectIdGetDatum(constraint)));
}

void
append_check_constraints(StringInfo sql, Relation relation)
{
    const TupleConstr *constraints = RelationGetDescr(relation)->constr;

    if (constraints == nullptr)
        return;
    for (int i = 0; i < constraints->num_check; i++) {
        const char *name = constraints->check[i].ccname;
        const Oid constraint = get_relation_constraint_oid(RelationGetRelid(relation), name, false);

        // The name stays: constraint names are local to their table.
        appendStringInfo(sql, ", CONSTRAINT %s %s", quote_identifier(name),
                         constraint_definition(constraint));
    }
}

/// " WITH (fillfactor='70')"
void
append_options(StringInfo sql, Oid relation)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    bool is_null;

    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for relation %u", relation);

    const Datum options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &is_null);

    if (!is_null) {
        const char *separator = " WITH (";
        ListCell *cell;

        foreach (cell, untransformRelOptions(options)) {
            auto *option = static_cast<DefElem *>(lfirst(cell));

            appendStringInfo(sql, "%s%s = %s", separator, quote_identifier(option->defname),
                             quote_literal_cstr(defGetString(option)));
            separator = ", ";
        }
        if (separator[0] == ',')
            appendStringInfoChar(sql, ')');
    }
    ReleaseSysCache(tuple);
}

/// SET STORAGE and SET STATISTICS, which CREATE TABLE cannot say in every version.
void
append_column_settings(StringInfo sql, Relation relation, const char *shard)
{
    TupleDesc description = RelationGetDescr(relation);

    for (int i = 0; i < description->natts; i++) {
        Form_pg_attribute attribute = TupleDescAttr(description, i);

        if (attribute->attisdropped || attribute->attstorage == get_typstorage(attribute->atttypid))
            continue;

        const char *storage = "plain";

        switch (attribute->attstorage) {
        case TYPSTORAGE_EXTERNAL:
            storage = "external";
            break;
        case TYPSTORAGE_EXTENDED:
            storage = "extended";
            break;
        case TYPSTORAGE_MAIN:
            storage = "main";
            break;
        default:
            break;
        }
        appendStringInfo(sql, "; ALTER TABLE %s ALTER COLUMN %s SET STORAGE %s", shard,
                         quote_identifier(NameStr(attribute->attname)), storage);
    }
}

char *
make_table_command(Relation relation, int64 shard_id)
{
    TupleDesc description = RelationGetDescr(relation);
    const char *shard = shard_qualified_name(RelationGetRelid(relation), shard_id);
    const char *separator = "";
    StringInfoData sql;

    initStringInfo(&sql);
    appendStringInfo(&sql, "CREATE %sTABLE %s (",
                     relation->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED ? "UNLOGGED " : "",
                     shard);
    for (int i = 0; i < description->natts; i++) {
        if (TupleDescAttr(description, i)->attisdropped)
            continue;
        appendStringInfoString(&sql, separator);
        append_column(&sql, TupleDescAttr(description, i));
        separator = ", ";
    }
    append_check_constraints(&sql, relation);
    appendStringInfoChar(&sql, ')');
    if (relation->rd_rel->relam != HEAP_TABLE_AM_OID)
        appendStringInfo(&sql, " USING %s", quote_identifier(get_am_name(relation->rd_rel->relam)));
    append_options(&sql, RelationGetRelid(relation));
    append_column_settings(&sql, relation, shard);
    return sql.data;
}

char *
make_constraint_command(Oid constraint, Oid table, int64 shard_id)
{
    return psprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", shard_qualified_name(table, shard_id),
                    quote_identifier(shard_object_name(get_constraint_name(constraint), shard_id)),
                    constraint_definition(constraint));
}

/// PostgreSQL writes CREATE [UNIQUE] INDEX name ON schema.table USING …: the part from USING on
/// holds for every shard.
char *
make_index_command(Oid index, Oid table, int64 shard_id, bool concurrently)
{
    const char *definition =
        TextDatumGetCString(OidFunctionCall1(F_PG_GET_INDEXDEF_OID, ObjectIdGetDatum(index)));
    const char *name = get_rel_name(index);
    const char *relation = quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
                                                      get_rel_name(table));
    const bool unique = strncmp(definition, "CREATE UNIQUE ", 14) == 0;
    const char *head = psprintf("CREATE %sINDEX %s ON %s ", unique ? "UNIQUE " : "",
                                quote_identifier(name), relation);

    if (strncmp(definition, head, strlen(head)) != 0)
        elog(ERROR, "unexpected index definition: %s", definition);
    return psprintf("CREATE %sINDEX %s%s ON %s %s", unique ? "UNIQUE " : "",
                    concurrently ? "CONCURRENTLY " : "",
                    quote_identifier(shard_object_name(name, shard_id)),
                    shard_qualified_name(table, shard_id), definition + strlen(head));
}

} // namespace

char *
shard_table_command(Relation relation, int64 shard_id)
{
    const int level = pin_search_path();
    char *sql = make_table_command(relation, shard_id);

    unpin_settings(level);
    return sql;
}

char *
shard_index_command(Oid index, int64 shard_id, bool concurrently)
{
    const int level = pin_search_path();
    const Oid table = IndexGetRelation(index, false);
    const Oid constraint = get_index_constraint(index);
    char *sql = OidIsValid(constraint) ? make_constraint_command(constraint, table, shard_id)
                                       : make_index_command(index, table, shard_id, concurrently);

    unpin_settings(level);
    return sql;
}

List *
shard_index_commands(Relation relation, int64 shard_id)
{
    List *commands = NIL;
    ListCell *cell;

    foreach (cell, RelationGetIndexList(relation))
        commands = lappend(commands, shard_index_command(lfirst_oid(cell), shard_id, false));
    return commands;
}

char *
shard_index_name(Oid index, int64 shard_id)
{
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(index)),
                                      shard_object_name(get_rel_name(index), shard_id));
}

char *
shard_schema_command(Relation relation)
{
    return psprintf("CREATE SCHEMA IF NOT EXISTS %s",
                    quote_identifier(get_namespace_name(RelationGetNamespace(relation))));
}

} // namespace vecmesh
