// SPDX-License-Identifier: PostgreSQL
//
// ivfrabitq_recall(): the recall that searches through an index have, measured. The searches are
// ordinary statements with LIMIT, run by the executor as everybody's are; the truth is found by
// reading the table. They are compared by distance, since rows that are equally near are equally
// right.
#include "pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

#include "index/ivfrabitq/table_truth.hpp"
#include "kernel/distance.hpp"
#include "pg/entry.hpp"
#include "types/vector.hpp"

#include <cmath>

namespace vx::ivfrabitq
{

constexpr int32 kMostMeasured = 100; // k; kTruthNeighbours has room for as many

/// Distances computed in another order may differ by rounding.
constexpr double kTolerance = 1e-5;

static void
check_arguments(Oid index, int32 k, int32 most)
{
    if (k < 1 || k > kMostMeasured)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("k must be between 1 and %d", kMostMeasured)));
    if (most < 1 || most > static_cast<int32>(kMostNamedQueries))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("number of queries must be between 1 and %u", kMostNamedQueries)));
    const Oid heap = IndexGetRelation(index, true);
    if (!OidIsValid(heap))
        return; // reported when it is opened
    const AclResult result = pg_class_aclcheck(heap, GetUserId(), ACL_SELECT);
    if (result != ACLCHECK_OK)
        aclcheck_error(result, OBJECT_TABLE, get_rel_name(heap));
    if (check_enable_rls(heap, InvalidOid, true) == RLS_ENABLED)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("recall cannot be measured under row-level security")));
}

/// The operator that the index orders by, as SQL.
static char *
order_operator(Relation index)
{
    const Oid type = index->rd_opcintype[0];
    const Oid oid = get_opfamily_member(index->rd_opfamily[0], type, type, 1);
    HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for operator %u", oid);
    const auto *form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
    char *text =
        psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
                 NameStr(form->oprname));
    ReleaseSysCache(tuple);
    return text;
}

/// " WHERE ..." of a partial index.
static const char *
predicate_of(const TableTruth *state)
{
    if (RelationGetIndexPredicate(state->index) == NIL)
        return "";
    bool isnull;
    const Datum predicate =
        SysCacheGetAttr(INDEXRELID, state->index->rd_indextuple, Anum_pg_index_indpred, &isnull);
    const Datum clause = DirectFunctionCall2(pg_get_expr, predicate,
                                             ObjectIdGetDatum(RelationGetRelid(state->heap)));
    return psprintf(" WHERE %s", text_to_cstring(DatumGetTextPP(clause)));
}

static char *
search_statement(const TableTruth *state, uint32 limit)
{
    const Datum column =
        DirectFunctionCall3(pg_get_indexdef_ext, ObjectIdGetDatum(RelationGetRelid(state->index)),
                            Int32GetDatum(1), BoolGetDatum(false));
    const char *expression = text_to_cstring(DatumGetTextPP(column));
    const char *by = order_operator(state->index);
    return psprintf(
        "SELECT (%s %s $1)::float8 FROM ONLY %s%s ORDER BY %s %s $1 LIMIT %u", expression, by,
        quote_qualified_identifier(get_namespace_name(RelationGetNamespace(state->heap)),
                                   RelationGetRelationName(state->heap)),
        predicate_of(state), expression, by, limit);
}

/// Whether the plan reads that index.
static bool
uses_index(const Plan *plan, Oid index)
{
    if (plan == nullptr)
        return false;
    if (IsA(plan, IndexScan) && reinterpret_cast<const IndexScan *>(plan)->indexid == index)
        return true;
    return uses_index(plan->lefttree, index);
}

/// Prepares the search so that the planner has no choice but an index. The limit is a constant, as
/// it is in statements whose plan knows it.
static SPIPlanPtr
prepare_search(const TableTruth *state, uint32 limit)
{
    SetConfigOption("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION);
    SetConfigOption("enable_sort", "off", PGC_USERSET, PGC_S_SESSION);
    SetConfigOption("jit", "off", PGC_USERSET, PGC_S_SESSION);
    SetConfigOption("plan_cache_mode", "force_generic_plan", PGC_USERSET, PGC_S_SESSION);
    Oid types[] = {state->index->rd_opcintype[0]};
    SPIPlanPtr plan = SPI_prepare(search_statement(state, limit), 1, types);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    CachedPlan *cached = SPI_plan_get_cached_plan(plan);
    const bool used =
        cached != nullptr && uses_index(linitial_node(PlannedStmt, cached->stmt_list)->planTree,
                                        RelationGetRelid(state->index));
    if (cached != nullptr)
        ReleaseCachedPlan(cached, nullptr); // the plan is not saved, so nobody owns it
    if (!used)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the planner does not use index \"%s\"",
                               RelationGetRelationName(state->index)),
                        errhint("Another index on the same column may be preferred.")));
    return plan;
}

/// A distance of the truth as the operator gives it.
static double
operator_distance(const Meta &meta, double distance)
{
    const auto scale = static_cast<double>(meta.page.scale);
    switch (meta.metric()) {
    case index::Metric::l2:
        return std::sqrt(distance) / scale;
    case index::Metric::cosine:
        return distance / (2 * scale * scale);
    case index::Metric::inner_product:
        break;
    }
    return distance / (scale * scale);
}

static double
distance_to_itself(const TableTruth *state, uint32 query)
{
    if (state->meta.metric() != index::Metric::inner_product)
        return 0.0;
    const auto *vector = reinterpret_cast<const Vector *>(DatumGetPointer(state->values[query]));
    return -static_cast<double>(kernel::distance_kernels().inner_product(
        vector->x, vector->x, static_cast<Size>(vector->dim)));
}

/// How many of the k nearest rows, and how many there are.
struct Hits {
    uint64 found;
    uint64 wanted;
};

static void
measure_query(const TableTruth *state, SPIPlanPtr plan, uint32 query, uint32 k, Hits *hits)
{
    TrueNeighbour neighbours[kTruthNeighbours];
    const uint32 wanted = Min(k, get_truth(state->truth, query, neighbours).neighbours);
    if (wanted == 0)
        return;
    Datum arguments[] = {state->values[query]};
    if (SPI_execute_plan(plan, arguments, nullptr, true, 0) != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan failed");
    const double farthest =
        operator_distance(state->meta, static_cast<double>(neighbours[wanted - 1].distance));
    const double limit = farthest + kTolerance * std::fabs(farthest);
    uint64 near = 0;
    for (uint64 i = 0; i < SPI_processed; i++) {
        bool isnull;
        const Datum distance =
            SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
        near += !isnull && DatumGetFloat8(distance) <= limit;
    }
    // a row as query finds itself, which proves nothing: one more was asked for
    if (!state->from_table && near > 0 && distance_to_itself(state, query) <= limit)
        near--;
    hits->found += Min(near, wanted);
    hits->wanted += wanted;
    SPI_freetuptable(SPI_tuptable);
}

static Hits
measure(const TableTruth *state, uint32 k)
{
    Hits hits = {0, 0};
    SPI_connect();
    const int settings = NewGUCNestLevel();
    SPIPlanPtr plan = prepare_search(state, state->from_table ? k : k + 1);
    for (uint32 q = 0; q < state->count; q++) {
        CHECK_FOR_INTERRUPTS();
        measure_query(state, plan, q, k, &hits);
    }
    AtEOXact_GUC(false, settings);
    SPI_finish();
    return hits;
}

VX_FUNCTION(ivfrabitq_recall)
{
    if (PG_ARGISNULL(0) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
        PG_RETURN_NULL();
    const Oid index = PG_GETARG_OID(0);
    const Oid queries = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
    const char *column = PG_ARGISNULL(2) ? nullptr : NameStr(*PG_GETARG_NAME(2));
    const int32 k = PG_GETARG_INT32(3);
    const int32 most = PG_GETARG_INT32(4);
    check_arguments(index, k, most);

    TableTruth *state = open_table_truth(index, AccessShareLock, AccessShareLock);
    take_queries(state, queries, column, static_cast<uint32>(most));
    find_truth(state);
    const Hits hits = measure(state, static_cast<uint32>(k));
    close_table_truth(state);
    if (hits.wanted == 0)
        PG_RETURN_NULL();
    PG_RETURN_FLOAT8(static_cast<double>(hits.found) / static_cast<double>(hits.wanted));
}

} // namespace vx::ivfrabitq
