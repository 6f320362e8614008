// SPDX-License-Identifier: PostgreSQL
//
// EvalPlanQual: a local row this query joined with ours was changed by someone else meanwhile, and
// PostgreSQL asks whether the join still holds. It hands us the row of ours that took part (a copy:
// see prepare_row_marks), and we answer from it without asking a worker again.
#include "pg/postgres.hpp"

#include "executor/scan_state.hpp"

extern "C" {
#include "executor/executor.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

void
init_recheck(VecmeshScanState *state)
{
    auto *scan = reinterpret_cast<CustomScan *>(state->custom.ss.ps.plan);
    EState *estate = state->custom.ss.ps.state;
    // the node's expressions are compiled for virtual slots
    state->recheck_slot = ExecInitExtraTupleSlot(
        estate, RelationGetDescr(state->custom.ss.ss_currentRelation), &TTSOpsVirtual);
    List *columns = NIL;
    ListCell *cell;
    foreach (cell, scan->custom_scan_tlist)
        columns = lappend(columns, lfirst_node(TargetEntry, cell)->expr);
    state->recheck_columns = ExecInitExprList(columns, &state->custom.ss.ps);
    state->recheck_conditions = ExecInitQual(
        static_cast<List *>(list_nth(scan->custom_exprs, kPlanConditions)), &state->custom.ss.ps);
}

/// The row that takes part in the recheck, once; false when it is a row of NULLs or was given
/// before. (A row of ours is never the one that changed: relsubs_slot has none.)
bool
fetch_recheck_row(VecmeshScanState *state, EPQState *epq)
{
    const Index index = reinterpret_cast<Scan *>(state->custom.ss.ps.plan)->scanrelid - 1;
    if (epq->relsubs_done[index])
        return false;
    epq->relsubs_done[index] = true;
    return epq->relsubs_rowmark[index] != nullptr &&
           EvalPlanQualFetchRowMark(epq, index + 1, state->recheck_slot);
}

} // namespace

TupleTableSlot *
recheck_row(VecmeshScanState *state)
{
    EPQState *epq = state->custom.ss.ps.state->es_epq_active;
    ExprContext *context = state->custom.ss.ps.ps_ExprContext;
    TupleTableSlot *slot = ExecClearTuple(state->custom.ss.ss_ScanTupleSlot);
    if (state->recheck_columns == NIL)
        init_recheck(state);
    if (!fetch_recheck_row(state, epq))
        return slot;

    context->ecxt_scantuple = state->recheck_slot;
    if (!ExecQual(state->recheck_conditions, context))
        return slot;
    int i = 0;
    ListCell *cell;
    foreach (cell, state->recheck_columns) {
        slot->tts_values[i] =
            ExecEvalExpr(static_cast<ExprState *>(lfirst(cell)), context, &slot->tts_isnull[i]);
        i++;
    }
    return ExecStoreVirtualTuple(slot);
}

} // namespace vecmesh
