// SPDX-License-Identifier: PostgreSQL
//
// What goes wrong on a worker, told as if it had happened here: same SQLSTATE, message, detail and
// hint, plus a context line that names the worker and the command. A worker that is lost is 08006
// and names the shards that went with it.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "remote/connection_state.hpp"
#include "remote/shard_names.hpp"

extern "C" {
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace vecmesh
{

namespace
{

constexpr int kMaxShownCommand = 500; // a command may hold whole vectors
constexpr int kMaxShownShards = 20;

/// "\nShards of table "items" on it: 102009, 102013." or nothing. Reads the catalog, so only while
/// the transaction is sound.
void
append_shards(StringInfo text, const Connection *connection, Oid relation)
{
    if (!OidIsValid(relation) || !IsTransactionState())
        return;
    const DistributedTable *table = find_distributed_table(relation);
    const char *name = get_rel_name(relation);
    if (table == nullptr || name == nullptr)
        return;
    int n = 0;
    for (int i = 0; i < table->shard_count; i++) {
        if (table->shards[i].group_id != connection->group_id)
            continue;
        if (n == 0)
            appendStringInfo(text, "%sShards of table \"%s\" on it: ", text->len > 0 ? "\n" : "",
                             name);
        if (n < kMaxShownShards)
            appendStringInfo(text, "%s" INT64_FORMAT, n > 0 ? ", " : "", table->shards[i].shard_id);
        n++;
    }
    if (n > kMaxShownShards)
        appendStringInfo(text, " and %d more", n - kMaxShownShards);
    if (n > 0)
        appendStringInfoChar(text, '.');
}

char *
shown_command(const char *sql)
{
    const int length = static_cast<int>(strlen(sql));
    if (length <= kMaxShownCommand)
        return pstrdup(sql);
    const int clipped = pg_mbcliplen(sql, length, kMaxShownCommand);
    return psprintf("%.*s…", clipped, sql);
}

char *
copy_field(const PGresult *result, int field)
{
    const char *value = PQresultErrorField(result, field);
    return value == nullptr ? nullptr : pstrdup(value);
}

/// A result's error fields, copied: the PGresult is freed before anything is raised.
struct RemoteError {
    int sqlstate;
    char *message;
    char *detail;
    char *hint;
    char *context;
    char *schema;
    char *table;
    char *column;
    char *datatype;
    char *constraint;
};

RemoteError
read_error(const PGresult *result)
{
    RemoteError e = {};
    const char *s = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    e.sqlstate = s != nullptr && strlen(s) == 5 ? MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4]) : 0;
    e.message = copy_field(result, PG_DIAG_MESSAGE_PRIMARY);
    e.detail = copy_field(result, PG_DIAG_MESSAGE_DETAIL);
    e.hint = copy_field(result, PG_DIAG_MESSAGE_HINT);
    e.context = copy_field(result, PG_DIAG_CONTEXT);
    e.schema = copy_field(result, PG_DIAG_SCHEMA_NAME);
    e.table = copy_field(result, PG_DIAG_TABLE_NAME);
    e.column = copy_field(result, PG_DIAG_COLUMN_NAME);
    e.datatype = copy_field(result, PG_DIAG_DATATYPE_NAME);
    e.constraint = copy_field(result, PG_DIAG_CONSTRAINT_NAME);
    return e;
}

/// The worker ended the session: what it says about itself is not our own server's state.
bool
ends_session(int sqlstate)
{
    return sqlstate == ERRCODE_ADMIN_SHUTDOWN || sqlstate == ERRCODE_CRASH_SHUTDOWN ||
           sqlstate == ERRCODE_CANNOT_CONNECT_NOW || sqlstate == ERRCODE_IDLE_SESSION_TIMEOUT ||
           sqlstate == ERRCODE_IDLE_IN_TRANSACTION_SESSION_TIMEOUT;
}

int
add_generic_fields(const RemoteError *e)
{
    if (e->schema)
        err_generic_string(PG_DIAG_SCHEMA_NAME, e->schema);
    if (e->table)
        err_generic_string(PG_DIAG_TABLE_NAME, e->table);
    if (e->column)
        err_generic_string(PG_DIAG_COLUMN_NAME, e->column);
    if (e->datatype)
        err_generic_string(PG_DIAG_DATATYPE_NAME, e->datatype);
    if (e->constraint)
        err_generic_string(PG_DIAG_CONSTRAINT_NAME, e->constraint);
    return 0;
}

[[noreturn]] void
raise_lost(Connection *connection, const char *reason)
{
    StringInfoData detail;
    initStringInfo(&detail);
    if (reason != nullptr)
        appendStringInfoString(&detail, reason);
    connection->doomed = true;
    append_shards(&detail, connection, connection->table);
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("lost the connection to worker \"%s\"", connection->label),
                    detail.len > 0 ? errdetail_internal("%s", detail.data) : 0));
    pg_unreachable();
}

} // namespace

void
raise_connect_error(Connection *connection, Oid table, const char *reason)
{
    StringInfoData detail;
    initStringInfo(&detail);
    appendStringInfoString(&detail, reason);
    append_shards(&detail, connection, table);
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("could not connect to worker \"%s\"", connection->label),
                    errdetail_internal("%s", detail.data)));
    pg_unreachable();
}

void
raise_remote_error(Connection *connection, PGresult *result, const char *sql)
{
    clear_result(connection);
    connection->result = result; // freed with the connection's next command should copying fail
    RemoteError e = read_error(result);
    clear_result(connection);
    const Oid table = IsTransactionState() ? connection->table : InvalidOid;
    e.message = with_coordinator_names(table, e.message);
    e.table = coordinator_name(table, e.table);
    e.constraint = coordinator_name(table, e.constraint);

    const bool lost = connection->pg == nullptr || PQstatus(connection->pg) == CONNECTION_BAD;
    if (lost || e.message == nullptr || ends_session(e.sqlstate)) {
        const char *reason = e.message;
        if (reason == nullptr && connection->pg != nullptr)
            reason = pchomp(PQerrorMessage(connection->pg));
        raise_lost(connection, reason != nullptr && reason[0] != '\0' ? reason : nullptr);
    }
    StringInfoData context;
    initStringInfo(&context);
    if (e.context != nullptr)
        appendStringInfo(&context, "%s\n", e.context);
    appendStringInfo(&context, "worker \"%s\"", connection->label);
    if (sql != nullptr)
        appendStringInfo(&context, ", command: %s", shown_command(sql));
    ereport(ERROR,
            (errcode(e.sqlstate ? e.sqlstate : ERRCODE_INTERNAL_ERROR),
             errmsg_internal("%s", e.message), e.detail ? errdetail_internal("%s", e.detail) : 0,
             e.hint ? errhint("%s", e.hint) : 0, errcontext("%s", context.data),
             add_generic_fields(&e)));
    pg_unreachable();
}

void
warn_remote_error(const Connection *connection, const char *message, const char *hint)
{
    const char *primary = connection->result
                              ? PQresultErrorField(connection->result, PG_DIAG_MESSAGE_PRIMARY)
                              : nullptr;
    const char *detail = primary;
    if (detail == nullptr && connection->pg != nullptr)
        detail = PQerrorMessage(connection->pg);
    ereport(WARNING,
            (errcode(ERRCODE_CONNECTION_FAILURE), errmsg_internal("%s", message),
             detail != nullptr && detail[0] != '\0' ? errdetail_internal("%s", pchomp(detail)) : 0,
             hint != nullptr ? errhint("%s", hint) : 0));
}

} // namespace vecmesh
