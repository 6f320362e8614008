// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "ddl/distributable.hpp"

#include "catalog/metadata.hpp"
#include "catalog/oids.hpp"
#include "executor/shard_copy.hpp"

extern "C" {
#include "access/genam.h"
#include "access/hash.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"
}

#include "pg/compat.hpp"

namespace vecmesh
{

namespace
{

[[noreturn]] void
refuse(Relation relation, int sqlstate, const char *reason, const char *hint)
{
    ereport(ERROR, (errcode(sqlstate),
                    errmsg("cannot distribute table \"%s\"", RelationGetRelationName(relation)),
                    errdetail("%s", reason), errhint("%s", hint)));
    pg_unreachable();
}

const char *
kind_name(char relkind)
{
    switch (relkind) {
    case RELKIND_VIEW:
        return "a view";
    case RELKIND_MATVIEW:
        return "a materialized view";
    case RELKIND_FOREIGN_TABLE:
        return "a foreign table";
    case RELKIND_PARTITIONED_TABLE:
        return "a partitioned table";
    case RELKIND_SEQUENCE:
        return "a sequence";
    case RELKIND_INDEX:
    case RELKIND_PARTITIONED_INDEX:
        return "an index";
    default:
        return "not a table";
    }
}

void
check_kind(Relation relation)
{
    const Form_pg_class form = relation->rd_rel;
    const char *plain = "Only ordinary tables can be distributed.";

    if (form->relkind != RELKIND_RELATION)
        refuse(relation, ERRCODE_WRONG_OBJECT_TYPE, psprintf("It is %s.", kind_name(form->relkind)),
               plain);
    if (!pg::owns_relation(RelationGetRelid(relation), GetUserId()))
        aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(relation));
    if (IsCatalogRelation(relation) ||
        RelationGetNamespace(relation) == find_catalog_oids()->schema)
        refuse(relation, ERRCODE_WRONG_OBJECT_TYPE, "It is a catalog.", plain);
    if (form->relpersistence == RELPERSISTENCE_TEMP)
        refuse(relation, ERRCODE_WRONG_OBJECT_TYPE, "It is a temporary table.", plain);
    if (form->relispartition)
        refuse(relation, ERRCODE_WRONG_OBJECT_TYPE, "It is a partition.",
               "Detach it first, or distribute a table that is not partitioned.");
    if (OidIsValid(form->reloftype))
        refuse(relation, ERRCODE_WRONG_OBJECT_TYPE, "It is a typed table.", plain);
    if (has_superclass(RelationGetRelid(relation)) || has_subclass(RelationGetRelid(relation)))
        refuse(relation, ERRCODE_WRONG_OBJECT_TYPE, "It takes part in inheritance.", plain);
}

/// Foreign keys in either direction.
void
check_foreign_keys(Relation relation)
{
    const struct {
        AttrNumber column;
        Oid index;
        const char *reason;
    } directions[] = {
        {Anum_pg_constraint_conrelid, ConstraintRelidTypidNameIndexId, "It has a foreign key."},
        {Anum_pg_constraint_confrelid, InvalidOid, "A foreign key refers to it."},
    };

    Relation catalog = table_open(ConstraintRelationId, AccessShareLock);

    for (const auto &direction : directions) {
        ScanKeyData key;

        ScanKeyInit(&key, direction.column, BTEqualStrategyNumber, F_OIDEQ,
                    ObjectIdGetDatum(RelationGetRelid(relation)));

        SysScanDesc scan = systable_beginscan(catalog, direction.index, OidIsValid(direction.index),
                                              nullptr, 1, &key);

        while (HeapTuple tuple = systable_getnext(scan)) {
            const auto *form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));

            if (form->contype == CONSTRAINT_FOREIGN)
                refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED, direction.reason,
                       psprintf("Drop constraint \"%s\" of table \"%s\" first.",
                                NameStr(form->conname), get_rel_name(form->conrelid)));
        }
        systable_endscan(scan);
    }
    table_close(catalog, AccessShareLock);
}

void
check_attachments(Relation relation)
{
    const TriggerDesc *triggers = relation->trigdesc;

    check_foreign_keys(relation);
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        if (!triggers->triggers[i].tgisinternal)
            refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED,
                   psprintf("It has trigger \"%s\".", triggers->triggers[i].tgname),
                   "Rows go straight to the workers, where the trigger would not fire. Drop it "
                   "first.");
    if (relation->rd_rules != nullptr && relation->rd_rules->numLocks > 0)
        refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED, "It has a rule.", "Drop its rules first.");
    if (relation->rd_rel->relrowsecurity)
        refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED, "It has row-level security.",
               "Disable it with ALTER TABLE ... DISABLE ROW LEVEL SECURITY first.");
    if (GetRelationPublications(RelationGetRelid(relation)) != NIL)
        refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED, "It belongs to a publication.",
               "Its rows will not be written here any more. Drop it from the publication first.");
}

void
check_columns(Relation relation)
{
    TupleDesc description = RelationGetDescr(relation);

    for (int i = 0; i < description->natts; i++) {
        Form_pg_attribute attribute = TupleDescAttr(description, i);

        if (attribute->attisdropped)
            continue;
        if (attribute->attgenerated != '\0' &&
            attribute->attgenerated != ATTRIBUTE_GENERATED_STORED)
            refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED,
                   psprintf("Column \"%s\" is a virtual generated column.",
                            NameStr(attribute->attname)),
                   "Only STORED generated columns are supported.");
        if (!type_has_portable_binary(attribute->atttypid))
            refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED,
                   psprintf("Column \"%s\" has type %s, whose values cannot be sent in binary form "
                            "to another database.",
                            NameStr(attribute->attname), format_type_be(attribute->atttypid)),
                   "Composite types and arrays of user-defined types are not supported.");
    }
}

/// Enums hash by oid, which differs after dump and restore: such a table's rows would be lost.
bool
type_hash_is_stable(Oid type)
{
    const Oid element = get_base_element_type(type);

    if (OidIsValid(element))
        return type_hash_is_stable(element);

    const char kind = get_typtype(getBaseType(type));

    return kind == TYPTYPE_BASE || kind == TYPTYPE_RANGE || kind == TYPTYPE_MULTIRANGE;
}

AttrNumber
check_distribution_column(Relation relation, const char *column_name)
{
    const AttrNumber column = get_attnum(RelationGetRelid(relation), column_name);

    if (column == InvalidAttrNumber)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("column \"%s\" of relation \"%s\" does not exist", column_name,
                               RelationGetRelationName(relation)),
                        errhint("The distribution column must be a column of the table, such as "
                                "its id.")));
    if (column < 0)
        refuse(relation, ERRCODE_INVALID_COLUMN_REFERENCE,
               psprintf("\"%s\" is a system column.", column_name),
               "Choose an ordinary column, such as the table's id.");

    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
    const Oid opclass = GetDefaultOpClass(attribute->atttypid, HASH_AM_OID);
    const Oid input = OidIsValid(opclass) ? get_opclass_input_type(opclass) : InvalidOid;

    if (attribute->attgenerated != '\0')
        refuse(relation, ERRCODE_INVALID_COLUMN_REFERENCE,
               psprintf("Column \"%s\" is a generated column.", column_name),
               "Choose an ordinary column, such as the table's id.");
    if (!OidIsValid(opclass) || !OidIsValid(get_opfamily_proc(get_opclass_family(opclass), input,
                                                              input, HASHEXTENDED_PROC)))
        refuse(relation, ERRCODE_UNDEFINED_OBJECT,
               psprintf("Type %s of column \"%s\" has no default hash operator class.",
                        format_type_be(attribute->atttypid), column_name),
               "Choose a column whose values identify rows, such as the table's id.");
    if (!type_hash_is_stable(attribute->atttypid))
        refuse(relation, ERRCODE_FEATURE_NOT_SUPPORTED,
               psprintf("The hash of type %s of column \"%s\" depends on this database.",
                        format_type_be(attribute->atttypid), column_name),
               "Choose a column of another type, such as an integer, uuid or text.");
    return column;
}

const char *
index_kind(const FormData_pg_index *form)
{
    return form->indisprimary     ? "primary key"
           : form->indisexclusion ? "exclusion constraint"
                                  : "unique index";
}

/// Rows can only exclude one another when their distribution columns are equal: then they are in
/// one shard, which can enforce it.
bool
excludes_by_equality(Relation index, Oid table, AttrNumber column)
{
    Oid *operators;
    Oid *functions;
    uint16 *strategies;
    const Oid opclass = GetDefaultOpClass(get_atttype(table, column), HASH_AM_OID);
    const Oid input = get_opclass_input_type(opclass);
    const Oid equality =
        get_opfamily_member(get_opclass_family(opclass), input, input, HTEqualStrategyNumber);

    RelationGetExclusionInfo(index, &operators, &functions, &strategies);
    for (int i = 0; i < index->rd_index->indnkeyatts; i++)
        if (index->rd_index->indkey.values[i] == column && operators[i] == equality)
            return true;
    return false;
}

} // namespace

void
check_index_distributable(Oid index, Oid table, AttrNumber column)
{
    Relation relation = index_open(index, AccessShareLock);
    const Form_pg_index form = relation->rd_index;
    bool contained = !form->indisunique && !form->indisexclusion;

    // A key WITHOUT OVERLAPS (18) is both.
    if (form->indisexclusion)
        contained = excludes_by_equality(relation, table, column);
    else if (form->indisunique)
        for (int i = 0; i < form->indnkeyatts; i++)
            contained = contained || form->indkey.values[i] == column;
    if (!contained)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("%s \"%s\" does not %s the distribution column \"%s\"",
                               index_kind(form), RelationGetRelationName(relation),
                               form->indisexclusion ? "compare for equality" : "contain",
                               get_attname(table, column, false)),
                        errdetail("Each worker checks its own rows only."),
                        errhint("Add the distribution column to it, or drop it.")));
    index_close(relation, AccessShareLock);
}

AttrNumber
check_distributable(Relation relation, const char *column_name)
{
    check_kind(relation);
    if (find_distributed_table(RelationGetRelid(relation)) != nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_DUPLICATE_OBJECT),
                 errmsg("table \"%s\" is already distributed", RelationGetRelationName(relation)),
                 errhint("Use vecmesh.undistribute_table() first to distribute it in "
                         "another way.")));

    const AttrNumber column = check_distribution_column(relation, column_name);
    ListCell *cell;

    check_columns(relation);
    check_attachments(relation);
    foreach (cell, RelationGetIndexList(relation))
        check_index_distributable(lfirst_oid(cell), RelationGetRelid(relation), column);
    return column;
}

} // namespace vecmesh
