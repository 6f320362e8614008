// SPDX-License-Identifier: PostgreSQL
//
// index_check(): whether an index is what its README says. Sound beside reads and writes: it takes
// the locks of a SELECT, and copies one page at a time; README.md argues why that is enough.
#include "pg/postgres.hpp"

#include "check/target.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
}

#include "check/check.hpp"
#include "pg/entry.hpp"

namespace vx::check
{

/// An index that was made while older versions of rows were still seen does not have those: an old
/// snapshot would miss them.
static void
refuse_old_snapshot(const Check *check)
{
    if (IsolationUsesXactSnapshot() && check->index->rd_index->indcheckxmin &&
        !TransactionIdPrecedes(HeapTupleHeaderGetXmin(check->index->rd_indextuple->t_data),
                               check->snapshot->xmin))
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("index \"%s\" cannot be checked with the snapshot of this "
                               "transaction",
                               RelationGetRelationName(check->index)),
                        errhint("Check it in a new transaction.")));
}

static void
run(Check *check, Method method)
{
    check->snapshot = RegisterSnapshot(GetTransactionSnapshot());
    refuse_old_snapshot(check);
    check->strategy = GetAccessStrategy(BAS_BULKREAD);
    check->tids = begin_tid_check(check);
    if (check->deep)
        check->rows = open_table_rows(check);
    if (method == Method::ivfrabitq)
        check_ivfrabitq(check);
    else
        check_ivfflat(check);
    if (check->rows != nullptr)
        close_table_rows(check->rows);
    FreeAccessStrategy(check->strategy);
    UnregisterSnapshot(check->snapshot);
}

} // namespace vx::check

VX_FUNCTION(index_check)
{
    using namespace vx::check;
    InitMaterializedSRF(fcinfo, 0);
    Target target;
    if (!open_target(PG_GETARG_OID(0), &target))
        return Datum{0};
    Check check = {};
    check.index = target.index;
    check.heap = target.heap;
    check.heapallindexed = PG_GETARG_BOOL(1);
    check.deep = PG_GETARG_BOOL(2);
    check.result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    run(&check, target.method);
    close_target(target);
    return Datum{0};
}
