// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.shard_for(relation, value): where a row would go.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"

extern "C" {
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

#include "pg/entry.hpp"

namespace
{

/// The value as one of the distribution column's type: as it is when binary-coercible, else through
/// its text, as a literal in a query would be.
Datum
convert(Datum value, Oid from, Oid to)
{
    if (IsBinaryCoercible(from, to))
        return value;

    Oid output;
    Oid input;
    Oid parameter;
    bool is_varlena;

    getTypeOutputInfo(from, &output, &is_varlena);
    getTypeInputInfo(to, &input, &parameter);
    return OidInputFunctionCall(input, OidOutputFunctionCall(output, value), parameter, -1);
}

} // namespace

VX_FUNCTION(vecmesh_shard_for)
{
    const auto *table = vecmesh::get_distributed_table(PG_GETARG_OID(0));
    const Oid type = get_fn_expr_argtype(fcinfo->flinfo, 1);

    if (!OidIsValid(type))
        elog(ERROR, "could not determine the type of the argument");

    const Datum value = convert(PG_GETARG_DATUM(1), type, table->column_type);

    PG_RETURN_INT64(table->shards[vecmesh::find_shard_index(table, value)].shard_id);
}
