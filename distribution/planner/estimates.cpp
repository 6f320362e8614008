// SPDX-License-Identifier: PostgreSQL
//
// How big a distributed table is. Planning never asks a worker: the sums over all shards stand in
// the coordinator's own pg_class row, where ANALYZE (forwarded to the shards) writes them.
#include "pg/postgres.hpp"

#include "planner/planner.hpp"

extern "C" {
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace vecmesh
{

namespace
{

/// For a table that was never analyzed. Rather too many: a table is distributed because it is
/// large, and a plan that fetches too little remotely is cheaper to be wrong about than one that
/// fetches all.
constexpr double kAssumedRowsPerShard = 10000;

/// Bytes of a vector column, from its declared dimension; 0 when that says nothing. PostgreSQL
/// would assume 32 and take shipping embeddings for free.
int32
vector_width(const FormData_pg_attribute *attribute)
{
    if (attribute->atttypid < FirstNormalObjectId || attribute->atttypmod <= 0)
        return 0;
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(attribute->atttypid));
    if (!HeapTupleIsValid(tuple))
        return 0;
    const char *name = NameStr(reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typname);
    int32 width = 0;
    if (strcmp(name, "vector") == 0)
        width = 8 + 4 * attribute->atttypmod;
    else if (strcmp(name, "halfvec") == 0)
        width = 8 + 2 * attribute->atttypmod;
    ReleaseSysCache(tuple);
    return width;
}

} // namespace

void
set_estimates(const DistributedTable *table, RelOptInfo *rel)
{
    Relation relation = table_open(table->relation, NoLock); // the caller holds a lock
    const TupleDesc descriptor = RelationGetDescr(relation);
    int32 width = 24; // tuple header
    for (int i = 0; i < descriptor->natts; i++) {
        const FormData_pg_attribute *attribute = TupleDescAttr(descriptor, i);
        if (attribute->attisdropped)
            continue;
        int32 bytes = vector_width(attribute);
        if (bytes > 0)
            rel->attr_widths[attribute->attnum - rel->min_attr] = bytes;
        else
            bytes = get_typavgwidth(attribute->atttypid, attribute->atttypmod);
        width += bytes;
    }

    const double rows = relation->rd_rel->reltuples;
    rel->tuples = rows > 0 ? rows : kAssumedRowsPerShard * table->shard_count;
    rel->pages = relation->rd_rel->relpages;
    if (rows <= 0 || rel->pages == 0)
        rel->pages = static_cast<BlockNumber>(rel->tuples * width / BLCKSZ) + 1;
    table_close(relation, NoLock);
}

} // namespace vecmesh
