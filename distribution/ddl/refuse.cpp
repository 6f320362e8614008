// SPDX-License-Identifier: PostgreSQL
//
// What would make a distributed table differ from its shards is refused, in two nets:
//
//  1. By statement: every command that names a table is listed here or handled elsewhere; what it
//  names
//     is looked up before anything is done.
//  2. By object: the object-access hook sees every change of a catalog row, however it came about
//     (REASSIGN OWNED, CREATE TABLE … REFERENCES, DROP TYPE … CASCADE, a future command), and
//     refuses those of distributed tables. The transaction is over then, so nothing has changed.
#include "pg/postgres.hpp"

#include "catalog/oids.hpp"
#include "ddl/utility_hook.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

object_access_hook_type next_access_hook = nullptr;

[[noreturn]] void
refuse(const char *what, Oid relation)
{
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("%s is not supported on distributed table \"%s\"", what,
                           get_rel_name(relation)),
                    errhint("Bring the table back with vecmesh.undistribute_table(), make the "
                            "change, and distribute it again.")));
    pg_unreachable();
}

// ------------------------------------------------------------------------------------------------
// By statement
// ------------------------------------------------------------------------------------------------

void
refuse_named(Node *statement, const RangeVar *name)
{
    const DistributedTable *table = find_named_table(name);

    if (table != nullptr)
        refuse(GetCommandTagName(CreateCommandTag(statement)), table->relation);
}

/// ALTER TABLE of the table itself, and of another one that takes it as parent or partition.
void
refuse_alter_table(const AlterTableStmt *statement)
{
    auto *node = reinterpret_cast<Node *>(const_cast<AlterTableStmt *>(statement));
    ListCell *cell;

    refuse_named(node, statement->relation);
    foreach (cell, statement->cmds) {
        const auto *command = lfirst_node(AlterTableCmd, cell);

        if (command->def == nullptr)
            continue;
        if (IsA(command->def, PartitionCmd))
            refuse_named(node, castNode(PartitionCmd, command->def)->name);
        else if (IsA(command->def, RangeVar)) // INHERIT
            refuse_named(node, castNode(RangeVar, command->def));
    }
}

void
refuse_published(Node *statement, List *objects)
{
    ListCell *cell;

    foreach (cell, objects) {
        const auto *object = lfirst_node(PublicationObjSpec, cell);

        if (object->pubtable != nullptr)
            refuse_named(statement, object->pubtable->relation);
    }
}

} // namespace

void
refuse_unsupported(Node *statement)
{
    ListCell *cell;

    switch (nodeTag(statement)) {
    case T_AlterTableStmt:
        refuse_alter_table(castNode(AlterTableStmt, statement));
        break;
    case T_RenameStmt:
        refuse_named(statement, castNode(RenameStmt, statement)->relation);
        break;
    case T_AlterObjectSchemaStmt:
        refuse_named(statement, castNode(AlterObjectSchemaStmt, statement)->relation);
        break;
    case T_AlterObjectDependsStmt:
        refuse_named(statement, castNode(AlterObjectDependsStmt, statement)->relation);
        break;
    case T_CreateTrigStmt:
        refuse_named(statement, castNode(CreateTrigStmt, statement)->relation);
        break;
    case T_RuleStmt:
        refuse_named(statement, castNode(RuleStmt, statement)->relation);
        break;
    case T_CreatePolicyStmt:
        refuse_named(statement, castNode(CreatePolicyStmt, statement)->table);
        break;
    case T_ClusterStmt:
        refuse_named(statement, castNode(ClusterStmt, statement)->relation);
        break;
    case T_CreateStmt:
        foreach (cell, castNode(CreateStmt, statement)->inhRelations)
            refuse_named(statement, lfirst_node(RangeVar, cell));
        break;
    case T_CreatePublicationStmt:
        refuse_published(statement, castNode(CreatePublicationStmt, statement)->pubobjects);
        break;
    case T_AlterPublicationStmt:
        refuse_published(statement, castNode(AlterPublicationStmt, statement)->pubobjects);
        break;
    case T_CreateStatsStmt:
        foreach (cell, castNode(CreateStatsStmt, statement)->relations)
            if (IsA(lfirst(cell), RangeVar))
                refuse_named(statement, lfirst_node(RangeVar, cell));
        break;
    default:
        break;
    }
}

// ------------------------------------------------------------------------------------------------
// By object
// ------------------------------------------------------------------------------------------------

namespace
{

/// Column `number`, an oid, of the row of catalog `catalog` with oid `object`. The row may have
/// been made by the running command, so it is looked up as it is now.
Oid
read_oid(Oid catalog_id, Oid index, AttrNumber key_column, Oid object, AttrNumber number)
{
    Relation catalog = table_open(catalog_id, AccessShareLock);
    ScanKeyData key;
    Oid result = InvalidOid;
    bool is_null;

    ScanKeyInit(&key, key_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));

    SysScanDesc scan = systable_beginscan(catalog, index, true, SnapshotSelf, 1, &key);
    HeapTuple tuple = systable_getnext(scan);

    if (HeapTupleIsValid(tuple))
        result = DatumGetObjectId(heap_getattr(tuple, number, RelationGetDescr(catalog), &is_null));
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return result;
}

void
refuse_if_distributed(const char *what, Oid relation)
{
    if (OidIsValid(relation) && find_distributed_table(relation) != nullptr)
        refuse(what, relation);
}

void
check_created(Oid catalog, Oid object, int column)
{
    switch (catalog) {
    case RelationRelationId:
        if (column != 0)
            refuse_if_distributed("adding a column", object);
        break;
    case ConstraintRelationId:
        // An index constraint, a foreign key in either direction, a check.
        refuse_if_distributed("adding a constraint",
                              read_oid(catalog, ConstraintOidIndexId, Anum_pg_constraint_oid,
                                       object, Anum_pg_constraint_conrelid));
        refuse_if_distributed("a foreign key reference",
                              read_oid(catalog, ConstraintOidIndexId, Anum_pg_constraint_oid,
                                       object, Anum_pg_constraint_confrelid));
        break;
    case TriggerRelationId:
        refuse_if_distributed("a trigger", read_oid(catalog, TriggerOidIndexId, Anum_pg_trigger_oid,
                                                    object, Anum_pg_trigger_tgrelid));
        break;
    case RewriteRelationId:
        refuse_if_distributed("a rule", read_oid(catalog, RewriteOidIndexId, Anum_pg_rewrite_oid,
                                                 object, Anum_pg_rewrite_ev_class));
        break;
    case PolicyRelationId:
        refuse_if_distributed("a row-level security policy",
                              read_oid(catalog, PolicyOidIndexId, Anum_pg_policy_oid, object,
                                       Anum_pg_policy_polrelid));
        break;
    case PublicationRelRelationId:
        refuse_if_distributed("publishing", read_oid(catalog, PublicationRelObjectIndexId,
                                                     Anum_pg_publication_rel_oid, object,
                                                     Anum_pg_publication_rel_prrelid));
        break;
    default:
        break;
    }
}

/// The schema's name is part of the shards' names.
void
refuse_schema_of_tables(Oid schema)
{
    const CatalogOids *oids = find_catalog_oids();

    if (oids == nullptr)
        return;

    Relation catalog = table_open(oids->distributed_table, AccessShareLock);
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);

    while (HeapTuple tuple = systable_getnext(scan)) {
        bool is_null;
        const Oid relation =
            DatumGetObjectId(heap_getattr(tuple, 1, RelationGetDescr(catalog), &is_null));

        if (get_rel_namespace(relation) == schema)
            refuse("altering the schema", relation);
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
}

void
check_altered(Oid catalog, Oid object, Oid auxiliary)
{
    switch (catalog) {
    case RelationRelationId:
        refuse_if_distributed("ALTER TABLE", object);
        if (get_rel_relkind(object) == RELKIND_INDEX)
            refuse_if_distributed("ALTER INDEX", IndexGetRelation(object, true));
        break;
    case InheritsRelationId:
        refuse_if_distributed("inheritance", object);
        refuse_if_distributed("inheritance", auxiliary);
        break;
    case NamespaceRelationId:
        refuse_schema_of_tables(object);
        break;
    default:
        break;
    }
}

bool
has_rows(Oid catalog_id)
{
    Relation catalog = table_open(catalog_id, AccessShareLock);
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
    const bool found = HeapTupleIsValid(systable_getnext(scan));

    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return found;
}

/// Dropping our catalogs would forget where the rows are. While they are being dropped the
/// extension counts as absent, so names decide here, from the first of its relations on.
void
refuse_catalog_drop(Oid object)
{
    const Oid schema = get_namespace_oid("vecmesh", true);

    if (!OidIsValid(schema) || get_rel_namespace(object) != schema)
        return;

    const Oid tables = get_relname_relid("distributed_table", schema);
    const Oid extension = getExtensionOfObject(RelationRelationId, object);

    if (!OidIsValid(tables) || !OidIsValid(extension) ||
        extension != get_extension_oid("vecmesh", true) || !has_rows(tables))
        return;
    ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
                    errmsg("cannot drop extension \"vecmesh\" while tables are distributed"),
                    errhint("Drop them or bring them back with vecmesh.undistribute_table(); "
                            "see vecmesh.tables.")));
}

void
check_access(ObjectAccessType access, Oid catalog, Oid object, int column, void *argument)
{
    switch (access) {
    case OAT_POST_CREATE:
        check_created(catalog, object, column);
        break;
    case OAT_POST_ALTER: {
        const auto *alter = static_cast<ObjectAccessPostAlter *>(argument);

        // Internal ones are the server's own doing, such as the new file of VACUUM FULL.
        if (alter == nullptr || !alter->is_internal)
            check_altered(catalog, object, alter != nullptr ? alter->auxiliary_id : InvalidOid);
        break;
    }
    case OAT_DROP:
        if (catalog == RelationRelationId && column != 0)
            refuse_if_distributed("dropping a column", object);
        break;
    default:
        break;
    }
}

} // namespace

VX_CALLBACK(void, object_accessed,
            (ObjectAccessType access, Oid catalog, Oid object, int column, void *argument),
            (access, catalog, object, column, argument))
{
    if (next_access_hook != nullptr)
        next_access_hook(access, catalog, object, column, argument);
    if (!IsTransactionState())
        return;
    if (access == OAT_DROP && catalog == RelationRelationId && column == 0)
        refuse_catalog_drop(object);
    if (extension_ready())
        check_access(access, catalog, object, column, argument);
}

void
register_object_access_hook()
{
    next_access_hook = object_access_hook;
    object_access_hook = object_accessed;
}

} // namespace vecmesh
