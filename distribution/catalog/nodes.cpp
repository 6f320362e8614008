// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.add_node(), vecmesh.remove_node().
#include "pg/postgres.hpp"

#include "catalog/catalog_access.hpp"
#include "catalog/metadata.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

/// The three arguments that name a node.
struct Address {
    text *host;
    int32 port;
    text *dbname;

    explicit Address(FunctionCallInfo fcinfo)
        : host(PG_GETARG_TEXT_PP(0)), port(PG_GETARG_INT32(1)), dbname(PG_GETARG_TEXT_PP(2))
    {
    }
};

int64
run_on_address(const char *sql, const Address &address, uint64 *processed = nullptr)
{
    const Oid types[] = {TEXTOID, INT4OID, TEXTOID};
    const Datum values[] = {PointerGetDatum(address.host), Int32GetDatum(address.port),
                            PointerGetDatum(address.dbname)};
    int64 result;
    const uint64 rows = run_catalog_statement(sql, {3, types, values}, &result);

    if (processed != nullptr)
        *processed = rows;
    return result;
}

} // namespace

} // namespace vecmesh

VX_FUNCTION(vecmesh_add_node)
{
    const vecmesh::Address address(fcinfo);

    vecmesh::lock_catalog("node");

    const int64 node_id =
        vecmesh::run_on_address("WITH new_group AS ("
                                "  INSERT INTO vecmesh.node_group VALUES "
                                "(nextval('vecmesh.group_id_seq')) RETURNING group_id)"
                                " INSERT INTO vecmesh.node (group_id, host, port, dbname)"
                                " SELECT group_id, $1, $2, $3 FROM new_group RETURNING node_id",
                                address);

    PG_RETURN_INT32(static_cast<int32>(node_id));
}

VX_FUNCTION(vecmesh_remove_node)
{
    const vecmesh::Address address(fcinfo);

    vecmesh::lock_catalog("node");

    uint64 found;
    const int64 group = vecmesh::run_on_address(
        "DELETE FROM vecmesh.node WHERE host = $1 AND port = $2 AND dbname = $3 RETURNING group_id",
        address, &found);

    if (found == 0)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("node %s:%d/%s does not exist", text_to_cstring(address.host),
                               address.port, text_to_cstring(address.dbname)),
                        errhint("See vecmesh.nodes.")));

    const Oid types[] = {INT4OID};
    const Datum values[] = {Int32GetDatum(static_cast<int32>(group))};

    vecmesh::run_catalog_statement(
        "DELETE FROM vecmesh.node_group g WHERE group_id = $1 AND NOT EXISTS"
        " (SELECT FROM vecmesh.node n WHERE n.group_id = g.group_id)",
        {1, types, values});
    PG_RETURN_VOID();
}
