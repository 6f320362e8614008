// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.add_node(), vecmesh.remove_node().
//
// A database becomes a worker only after it has shown, over a connection of its own, that it will
// give the same answers as this one: the same question is asked there and here, and the two answers
// compared.
#include "pg/postgres.hpp"

#include "catalog/catalog_access.hpp"
#include "catalog/metadata.hpp"
#include "ddl/pinned_settings.hpp"
#include "remote/connection.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

/// The arguments that name a node.
struct Address {
    text *host;
    int32 port;
    text *dbname;
    const char *label; // host:port/dbname

    explicit Address(FunctionCallInfo fcinfo)
        : host(PG_GETARG_TEXT_PP(0)), port(PG_GETARG_INT32(1)), dbname(PG_GETARG_TEXT_PP(2)),
          label(psprintf("%s:%d/%s", text_to_cstring(host), port, text_to_cstring(dbname)))
    {
    }
};

/// What a database says about itself; one column of kPortraitQuery each, as text.
enum PortraitColumn {
    kIdentity,
    kVersion,
    kEncoding,
    kCollation,
    kVectorVersion,
    kVectorSchema,
    kPreparedTransactions,
    kInRecovery,
    kPortraitColumns
};

struct Portrait {
    const char *column[kPortraitColumns]; // nullptr for NULL
};

constexpr char kPortraitQuery[] =
    "SELECT s.system_identifier || '/' || d.oid,"
    " current_setting('server_version_num')::int / 10000,"
    " pg_encoding_to_char(d.encoding),"
    " concat_ws(' ', d.datlocprovider, d.datcollate, d.datctype),"
    " e.extversion, n.nspname,"
    " current_setting('max_prepared_transactions'), pg_is_in_recovery()"
    " FROM pg_control_system() s CROSS JOIN pg_database d"
    " LEFT JOIN pg_extension e ON e.extname = 'vector'"
    " LEFT JOIN pg_namespace n ON n.oid = e.extnamespace"
    " WHERE d.datname = current_database()";

void
ask_here(Portrait *portrait)
{
    MemoryContext caller = CurrentMemoryContext;
    const int level = pin_search_path();

    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    if (SPI_execute(kPortraitQuery, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
        elog(ERROR, "could not read the properties of this database");
    for (int i = 0; i < kPortraitColumns; i++) {
        const char *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1);

        portrait->column[i] = value == nullptr ? nullptr : MemoryContextStrdup(caller, value);
    }
    SPI_finish();
    unpin_settings(level);
}

void
ask_there(const Address &address, Portrait *portrait)
{
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vecmesh add node", ALLOCSET_SMALL_SIZES);
    Connection *connection = open_detached_connection(text_to_cstring(address.host), address.port,
                                                      text_to_cstring(address.dbname), context);
    const PGresult *result = run_query(connection, kPortraitQuery, context);

    if (PQntuples(result) != 1 || PQnfields(result) != kPortraitColumns)
        ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
                        errmsg("unexpected answer from node %s", address.label)));
    for (int i = 0; i < kPortraitColumns; i++)
        portrait->column[i] =
            PQgetisnull(result, 0, i) ? nullptr : pstrdup(PQgetvalue(result, 0, i));
    MemoryContextDelete(context);
}

bool
same(const Portrait &a, const Portrait &b, PortraitColumn column)
{
    return a.column[column] != nullptr && b.column[column] != nullptr &&
           strcmp(a.column[column], b.column[column]) == 0;
}

[[noreturn]] void
refuse(const Address &address, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("cannot add node %s", address.label), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

void
compare(const Address &address, const Portrait &here, const Portrait &there)
{
    if (same(here, there, kIdentity))
        refuse(address, "It is this very database.",
               "Workers are other databases, on this server or on others.");
    if (strcmp(there.column[kInRecovery], "f") != 0)
        refuse(address, "It is a standby.", "Add its primary.");
    if (atoi(there.column[kVersion]) < 15)
        refuse(address, psprintf("It runs PostgreSQL %s.", there.column[kVersion]),
               "Workers need PostgreSQL 15 or later.");
    if (!same(here, there, kEncoding))
        refuse(address,
               psprintf("Its encoding is %s, but %s here.", there.column[kEncoding],
                        here.column[kEncoding]),
               "Create it with the encoding of the coordinator's database.");
    if (!same(here, there, kCollation))
        refuse(address,
               psprintf("Its locale is \"%s\", but \"%s\" here (provider, collation, ctype).",
                        there.column[kCollation], here.column[kCollation]),
               "Create it with the locale of the coordinator's database.");
    if (there.column[kVectorVersion] == nullptr)
        refuse(address, "Extension \"vector\" is not installed there.",
               "Run CREATE EXTENSION vector in that database.");
    if (!same(here, there, kVectorVersion))
        refuse(address,
               psprintf("Extension \"vector\" has version %s there, but %s here.",
                        there.column[kVectorVersion], here.column[kVectorVersion]),
               "Bring both to one version with ALTER EXTENSION vector UPDATE.");
    if (!same(here, there, kVectorSchema))
        refuse(address,
               psprintf("Extension \"vector\" is in schema \"%s\" there, but in \"%s\" here.",
                        there.column[kVectorSchema], here.column[kVectorSchema]),
               "Use ALTER EXTENSION vector SET SCHEMA on one of them.");
    if (strcmp(there.column[kPreparedTransactions], "0") == 0)
        refuse(address, "max_prepared_transactions is 0 there.",
               "Commit over several nodes needs it: set it to at least max_connections of the "
               "coordinator and restart the worker.");
}

/// `sql` with $1 host, $2 port, $3 dbname; returns the first number, and how many rows there were.
int64
run_on_address(const char *sql, const Address &address, uint64 *rows)
{
    const Oid types[] = {TEXTOID, INT4OID, TEXTOID};
    const Datum values[] = {PointerGetDatum(address.host), Int32GetDatum(address.port),
                            PointerGetDatum(address.dbname)};
    int64 result;

    *rows = run_catalog_statement(sql, {3, types, values}, &result);
    return result;
}

void
check_unknown(const Address &address, const char *identity)
{
    const Oid types[] = {TEXTOID, INT4OID, TEXTOID, TEXTOID};
    const Datum values[] = {PointerGetDatum(address.host), Int32GetDatum(address.port),
                            PointerGetDatum(address.dbname), CStringGetTextDatum(identity)};
    int64 node_id;

    if (run_catalog_statement("SELECT node_id FROM vecmesh.node"
                              " WHERE (host, port, dbname) = ($1, $2, $3) OR identity = $4",
                              {4, types, values}, &node_id) > 0)
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
                        errmsg("node %s is already part of the cluster", address.label),
                        errdetail("It is node %d.", static_cast<int>(node_id)),
                        errhint("One database is one node; see vecmesh.nodes.")));
}

int32
insert_node(const Address &address, const char *identity)
{
    const Oid types[] = {TEXTOID, INT4OID, TEXTOID, TEXTOID};
    const Datum values[] = {PointerGetDatum(address.host), Int32GetDatum(address.port),
                            PointerGetDatum(address.dbname), CStringGetTextDatum(identity)};
    int64 node_id;

    run_catalog_statement("WITH g AS (INSERT INTO vecmesh.node_group"
                          " VALUES (nextval('vecmesh.group_id_seq')) RETURNING group_id)"
                          " INSERT INTO vecmesh.node (group_id, host, port, dbname, identity)"
                          " SELECT group_id, $1, $2, $3, $4 FROM g RETURNING node_id",
                          {4, types, values}, &node_id);
    return static_cast<int32>(node_id);
}

void
check_empty(const Address &address, int32 group)
{
    const Oid types[] = {INT4OID};
    const Datum values[] = {Int32GetDatum(group)};
    int64 shards;

    run_catalog_statement("SELECT count(*) FROM vecmesh.placement WHERE group_id = $1",
                          {1, types, values}, &shards);
    if (shards > 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                        errmsg("node %s still holds shards", address.label),
                        errdetail("Shards on it: " INT64_FORMAT ".", shards),
                        errhint("Drop or undistribute the tables first; see vecmesh.shards.")));
}

void
delete_empty_group(int32 group)
{
    const Oid types[] = {INT4OID};
    const Datum values[] = {Int32GetDatum(group)};

    run_catalog_statement("DELETE FROM vecmesh.node_group g WHERE group_id = $1 AND NOT EXISTS"
                          " (SELECT FROM vecmesh.node n WHERE n.group_id = g.group_id)",
                          {1, types, values});
}

} // namespace

} // namespace vecmesh

VX_FUNCTION(vecmesh_add_node)
{
    const vecmesh::Address address(fcinfo);

    if (address.port < 1 || address.port > 65535)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid port number: %d", address.port),
                        errhint("Ports are numbers from 1 to 65535.")));
    if (VARSIZE_ANY_EXHDR(address.host) == 0 || VARSIZE_ANY_EXHDR(address.dbname) == 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("host and database name of a node must not be empty"),
                        errhint("Give the host as the coordinator reaches it: a name, an address, "
                                "or the folder of a socket.")));
    vecmesh::lock_catalog("node");

    vecmesh::Portrait here;
    vecmesh::Portrait there;

    vecmesh::check_unknown(address, "");
    vecmesh::ask_here(&here);
    vecmesh::ask_there(address, &there);
    vecmesh::compare(address, here, there);
    vecmesh::check_unknown(address, there.column[vecmesh::kIdentity]);
    PG_RETURN_INT32(vecmesh::insert_node(address, there.column[vecmesh::kIdentity]));
}

VX_FUNCTION(vecmesh_remove_node)
{
    const vecmesh::Address address(fcinfo);

    vecmesh::lock_catalog("node");

    uint64 found;
    const auto group =
        static_cast<int32>(vecmesh::run_on_address("SELECT group_id FROM vecmesh.node"
                                                   " WHERE host = $1 AND port = $2 AND dbname = $3",
                                                   address, &found));

    if (found == 0)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("node %s does not exist", address.label),
                 errhint("See vecmesh.nodes.")));
    vecmesh::check_empty(address, group);
    vecmesh::run_on_address("DELETE FROM vecmesh.node"
                            " WHERE host = $1 AND port = $2 AND dbname = $3",
                            address, &found);
    vecmesh::delete_empty_group(group);
    PG_RETURN_VOID();
}
