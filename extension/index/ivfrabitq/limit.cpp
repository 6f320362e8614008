// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/limit.hpp"

extern "C" {
#include "access/amapi.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
}

#include "index/ivfrabitq/callbacks.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

/// One scan below a Limit. Lives in the query's memory, which takes it out of the list when it goes
/// away, after an error too.
struct Noted {
    const LimitState *limit;
    const IndexScanState *scan;
    Noted *next;
    MemoryContextCallback forget;
};

static Noted *noted;
static ExecutorStart_hook_type previous_executor_start;

VX_CALLBACK(void, forget_noted, (void *argument), (argument))
{
    for (Noted **link = &noted; *link != nullptr; link = &(*link)->next)
        if (*link == argument) {
            *link = (*link)->next;
            return;
        }
}

static bool
is_ours(const IndexScanState *scan)
{
    return scan->iss_RelationDesc != nullptr &&
           scan->iss_RelationDesc->rd_indam->ambeginscan == begin_scan_callback();
}

static void
note(EState *estate, const LimitState *limit, const IndexScanState *scan)
{
    auto *entry = static_cast<Noted *>(MemoryContextAlloc(estate->es_query_cxt, sizeof(Noted)));
    entry->limit = limit;
    entry->scan = scan;
    entry->next = noted;
    entry->forget.func = forget_noted;
    entry->forget.arg = entry;
    MemoryContextRegisterResetCallback(estate->es_query_cxt, &entry->forget);
    noted = entry;
}

/// Notes the scans whose rows reach the Limit one by one: every node between passes all of them on.
static void
note_scans_below(EState *estate, const LimitState *limit, PlanState *node)
{
    check_stack_depth();
    if (node == nullptr)
        return;
    switch (nodeTag(node)) {
    case T_IndexScanState:
        if (is_ours(reinterpret_cast<IndexScanState *>(node)))
            note(estate, limit, reinterpret_cast<IndexScanState *>(node));
        break;
    case T_ResultState:
        if (reinterpret_cast<ResultState *>(node)->resconstantqual == nullptr)
            note_scans_below(estate, limit, outerPlanState(node));
        break;
    case T_SubqueryScanState:
        if (node->qual == nullptr)
            note_scans_below(estate, limit, reinterpret_cast<SubqueryScanState *>(node)->subplan);
        break;
    case T_LockRowsState:
        note_scans_below(estate, limit, outerPlanState(node));
        break;
    case T_MergeAppendState: {
        auto *append = reinterpret_cast<MergeAppendState *>(node);
        for (int i = 0; i < append->ms_nplans; i++)
            note_scans_below(estate, limit, append->mergeplans[i]);
        break;
    }
    default:
        break;
    }
}

static bool
find_limits(PlanState *node, EState *estate)
{
    check_stack_depth();
    if (IsA(node, LimitState))
        note_scans_below(estate, reinterpret_cast<LimitState *>(node), outerPlanState(node));
    return pg::walk_plan_states(node, find_limits, estate);
}

VX_CALLBACK(void, executor_start, (QueryDesc * query, int flags), (query, flags))
{
    if (previous_executor_start != nullptr)
        previous_executor_start(query, flags);
    else
        standard_ExecutorStart(query, flags);
    if (query->planstate != nullptr && !(flags & EXEC_FLAG_EXPLAIN_ONLY))
        find_limits(query->planstate, query->estate);
}

/// The planner's rows are those that pass all conditions, so it speaks of the executor's alone only
/// where the index has none.
static double
believed_share(const IndexScanState *scan)
{
    const double rows = static_cast<double>(scan->ss.ss_currentRelation->rd_rel->reltuples);
    if (scan->iss_NumScanKeys > 0 || scan->iss_NumRuntimeKeys > 0 || rows < 1)
        return 0;
    return Min(Max(scan->ss.ps.plan->plan_rows, 1.0) / rows, 1.0);
}

RowsWanted
rows_wanted(IndexScanDesc scan)
{
    for (const Noted *entry = noted; entry != nullptr; entry = entry->next) {
        if (entry->scan->iss_ScanDesc != scan)
            continue;
        const LimitState *limit = entry->limit;
        RowsWanted wanted = {};
        wanted.known = !limit->noCount && limit->count >= 0 && limit->offset >= 0;
        wanted.filtered = entry->scan->ss.ps.qual != nullptr;
        wanted.rows = static_cast<uint64>(limit->count) + static_cast<uint64>(limit->offset);
        wanted.passed = static_cast<uint64>(Max(limit->position, 0));
        wanted.share = believed_share(entry->scan);
        return wanted;
    }
    return {};
}

void
install_limit_hook()
{
    previous_executor_start = ExecutorStart_hook;
    ExecutorStart_hook = executor_start;
}

} // namespace vx::ivfrabitq
