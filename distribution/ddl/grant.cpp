// SPDX-License-Identifier: PostgreSQL
//
// GRANT and REVOKE on distributed tables. Rights are checked here, when a query is planned, and
// again on the worker, where the session's user runs the shard query: so both sides must know them.
// The roles must exist on the workers.
#include "pg/postgres.hpp"

#include "ddl/grant.hpp"

#include "ddl/shard_commands.hpp"
#include "ddl/utility_hook.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

void
append_privileges(StringInfo sql, List *privileges)
{
    const char *separator = " ";
    ListCell *cell;

    if (privileges == NIL)
        appendStringInfoString(sql, " ALL");
    foreach (cell, privileges) {
        const auto *privilege = lfirst_node(AccessPriv, cell);
        const char *column_separator = " (";
        ListCell *column;

        // The parser knows only what are privileges; NULL: ALL (columns).
        appendStringInfo(sql, "%s%s", separator,
                         privilege->priv_name != nullptr ? privilege->priv_name : "ALL");
        foreach (column, privilege->cols) {
            appendStringInfo(sql, "%s%s", column_separator,
                             quote_identifier(strVal(lfirst(column))));
            column_separator = ", ";
        }
        if (privilege->cols != NIL)
            appendStringInfoChar(sql, ')');
        separator = ", ";
    }
}

char *
role_list(List *roles)
{
    const char *separator = "";
    StringInfoData names;
    ListCell *cell;

    initStringInfo(&names);
    foreach (cell, roles) {
        const auto *role = lfirst_node(RoleSpec, cell);

        appendStringInfo(&names, "%s%s", separator,
                         role->roletype == ROLESPEC_PUBLIC
                             ? "PUBLIC"
                             : quote_identifier(get_rolespec_name(role)));
        separator = ", ";
    }
    return names.data;
}

char *
grant_command(const GrantStmt *statement, const char *shard)
{
    StringInfoData sql;

    initStringInfo(&sql);
    appendStringInfoString(&sql, statement->is_grant ? "GRANT" : "REVOKE");
    if (!statement->is_grant && statement->grant_option)
        appendStringInfoString(&sql, " GRANT OPTION FOR");
    append_privileges(&sql, statement->privileges);
    appendStringInfo(&sql, " ON TABLE %s %s %s", shard, statement->is_grant ? "TO" : "FROM",
                     role_list(statement->grantees));
    if (statement->is_grant && statement->grant_option)
        appendStringInfoString(&sql, " WITH GRANT OPTION");
    if (!statement->is_grant && statement->behavior == DROP_CASCADE)
        appendStringInfoString(&sql, " CASCADE");
    return sql.data;
}

/// On a worker nobody but its maker may look into a schema that we have made there.
List *
append_schema_usage(List *commands, const DistributedTable *table, const char *roles)
{
    const Oid schema = get_rel_namespace(table->relation);

    for (int i = 0; schema != PG_PUBLIC_NAMESPACE && i < table->group_count; i++)
        commands =
            append_shard_command(commands, table->groups[i],
                                 psprintf("GRANT USAGE ON SCHEMA %s TO %s",
                                          quote_identifier(get_namespace_name(schema)), roles));
    return commands;
}

List *
append_grant(List *commands, const GrantStmt *statement, const DistributedTable *table)
{
    if (statement->is_grant)
        commands = append_schema_usage(commands, table, role_list(statement->grantees));
    for (int i = 0; i < table->shard_count; i++) {
        const Shard *shard = &table->shards[i];

        commands = append_shard_command(
            commands, shard->group_id,
            grant_command(statement, shard_qualified_name(table->relation, shard->shard_id)));
    }
    return commands;
}

/// The distributed tables of a schema, by oid.
List *
tables_in_schema(const char *schema)
{
    const Oid types[] = {TEXTOID};
    const Datum values[] = {CStringGetTextDatum(schema)};
    MemoryContext caller = CurrentMemoryContext;
    List *tables = NIL;

    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    if (SPI_execute_with_args("SELECT t.relation::pg_catalog.oid FROM vecmesh.distributed_table t"
                              " JOIN pg_catalog.pg_class c"
                              "   ON c.oid OPERATOR(pg_catalog.=) t.relation"
                              " JOIN pg_catalog.pg_namespace n"
                              "   ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
                              " WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name",
                              1, const_cast<Oid *>(types), const_cast<Datum *>(values), nullptr,
                              true, 0) != SPI_OK_SELECT)
        elog(ERROR, "could not read the distributed tables");
    for (uint64 i = 0; i < SPI_processed; i++) {
        bool is_null;
        const Oid table = DatumGetObjectId(
            SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null));
        MemoryContext old = MemoryContextSwitchTo(caller);

        tables = lappend_oid(tables, table);
        MemoryContextSwitchTo(old);
    }
    SPI_finish();
    return tables;
}

constexpr char kRightsQuery[] =
    "SELECT format('GRANT %s%s ON TABLE ', a.privilege_type,"
    "   CASE WHEN x.attname IS NOT NULL THEN format(' (%I)', x.attname) END),"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
    " CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"
    " FROM (SELECT NULL::name AS attname, relacl AS acl FROM pg_class WHERE oid = $1"
    "       UNION ALL SELECT attname, attacl FROM pg_attribute"
    "       WHERE attrelid = $1 AND NOT attisdropped) x,"
    " aclexplode(x.acl) a"
    " WHERE a.grantee <> (SELECT relowner FROM pg_class WHERE oid = $1)";

} // namespace

List *
append_right_commands(List *commands, Relation relation, const DistributedTable *table)
{
    const Oid owner = relation->rd_rel->relowner;
    const Oid types[] = {OIDOID};
    const Datum values[] = {ObjectIdGetDatum(RelationGetRelid(relation))};
    MemoryContext caller = CurrentMemoryContext;

    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    if (SPI_execute_with_args(kRightsQuery, 1, const_cast<Oid *>(types),
                              const_cast<Datum *>(values), nullptr, true, 0) != SPI_OK_SELECT)
        elog(ERROR, "could not read the rights of table \"%s\"", RelationGetRelationName(relation));

    MemoryContext spi = MemoryContextSwitchTo(caller);

    for (uint64 i = 0; i < SPI_processed; i++) {
        HeapTuple row = SPI_tuptable->vals[i];
        TupleDesc description = SPI_tuptable->tupdesc;
        const char *roles = SPI_getvalue(row, description, 2);

        commands = append_schema_usage(commands, table, roles);
        for (int k = 0; k < table->shard_count; k++)
            commands = append_shard_command(
                commands, table->shards[k].group_id,
                psprintf("%s%s TO %s%s", SPI_getvalue(row, description, 1),
                         shard_qualified_name(table->relation, table->shards[k].shard_id), roles,
                         SPI_getvalue(row, description, 3)));
    }
    MemoryContextSwitchTo(spi);
    SPI_finish();

    for (int k = 0; owner != GetUserId() && k < table->shard_count; k++)
        commands = append_shard_command(
            commands, table->shards[k].group_id,
            psprintf("ALTER TABLE %s OWNER TO %s",
                     shard_qualified_name(table->relation, table->shards[k].shard_id),
                     quote_identifier(GetUserNameFromId(owner, false))));
    return commands;
}

bool
grant(const UtilityCall &call)
{
    const auto *statement = castNode(GrantStmt, call.statement->utilityStmt);
    List *commands = NIL;
    ListCell *cell;

    if (statement->objtype != OBJECT_TABLE)
        return false;
    foreach (cell, statement->objects) {
        if (statement->targtype == ACL_TARGET_OBJECT) {
            const DistributedTable *table = find_named_table(lfirst_node(RangeVar, cell));

            if (table != nullptr)
                commands = append_grant(commands, statement, table);
        } else if (statement->targtype == ACL_TARGET_ALL_IN_SCHEMA) {
            ListCell *member;

            foreach (member, tables_in_schema(strVal(lfirst(cell))))
                commands =
                    append_grant(commands, statement, get_distributed_table(lfirst_oid(member)));
        }
    }
    if (commands == NIL)
        return false;
    run_local(call);
    run_shard_commands(commands, Access::write, InvalidOid);
    return true;
}

} // namespace vecmesh
