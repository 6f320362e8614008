// SPDX-License-Identifier: PostgreSQL
//
// Vecmesh Scan, the plan node that reads a distributed table. An execution starts with the first
// row asked for: values are computed, shards pruned, a statement sent to every worker concerned.
// A rescan ends it and starts the next one, with the parameters of the moment.
#include "pg/postgres.hpp"

#include "executor/scan_state.hpp"
#include "pg/entry.hpp"
#include "planner/planner.hpp"
#include "planner/pruning.hpp"

extern "C" {
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

/// Results with a known bound up to this are taken whole: one message loop instead of one per row.
constexpr int64 kWholeResultRows = 1000;

/// Binary values pass through receive and send functions, which convert text from and to the
/// client's encoding; so they are used only where that does nothing.
bool
can_use_binary(const VecmeshScanState *state)
{
    return state->binary_types && pg_get_client_encoding() == GetDatabaseEncoding();
}

bool
is_small_result(const VecmeshScanState *state)
{
    int64 limit = 0;
    return compute_limit(state, &limit) && limit <= kWholeResultRows;
}

void
connect_parts(VecmeshScanState *state, Connection **connections)
{
    auto *groups = static_cast<int32 *>(palloc(sizeof(int32) * state->part_count));
    for (int i = 0; i < state->part_count; i++)
        groups[i] = state->parts[i].group;
    claim_connections(groups, state->part_count,
                      state->plan.locking != nullptr ? Access::write : Access::read,
                      state->relation, connections);
    for (int i = 0; i < state->part_count; i++)
        state->parts[i].label = pstrdup(connection_label(connections[i]));
}

void
send_statements(VecmeshScanState *state)
{
    auto **connections =
        static_cast<Connection **>(palloc(sizeof(Connection *) * state->part_count));
    connect_parts(state, connections);
    const RemoteParameters *parameters = encode_values(state);
    state->tasks = static_cast<RemoteTask *>(palloc0(sizeof(RemoteTask) * state->part_count));
    for (int i = 0; i < state->part_count; i++) {
        RemoteTask *task = &state->tasks[i];
        task->connection = connections[i];
        task->sql = state->parts[i].sql;
        task->parameters = parameters;
        task->binary_result = state->binary;
        task->stream = !is_small_result(state);
    }
    state->execution = start_execution(state->tasks, state->part_count, CurrentMemoryContext);
}

void
start(VecmeshScanState *state)
{
    MemoryContext previous = MemoryContextSwitchTo(state->execution_context);
    const DistributedTable *table = get_distributed_table(state->relation);
    state->started = true;
    state->totals_added = false;
    state->binary = can_use_binary(state);
    compute_values(state);
    state->pruning_known = true;
    state->limit_known = true;
    assign_shards(state, table,
                  prune_shards(table, state->plan.pruning, state->values, state->value_nulls));
    build_statements(state, table);
    if (state->part_count > 0) {
        state->rows = make_rows(state, state->sort_key_count > 0 ? state->part_count : 1);
        send_statements(state);
        if (state->sort_key_count > 0)
            start_merge(state);
    }
    MemoryContextSwitchTo(previous);
}

/// Ends the current execution, whether it ran to its end or not.
void
stop(VecmeshScanState *state)
{
    if (state->execution != nullptr) {
        add_totals(state);
        end_execution(state->execution);
    }
    state->execution = nullptr;
    state->started = false;
    state->parts = nullptr;
    state->part_count = 0;
    MemoryContextReset(state->execution_context);
}

const ScanRow *
next_scan_row(VecmeshScanState *state)
{
    if (!state->started)
        start(state);
    if (state->part_count == 0)
        return nullptr;
    if (state->sort_key_count > 0)
        return next_merged_row(state);
    RemoteRow remote;
    if (next_row_of_any(state->execution, &remote) < 0)
        return nullptr;
    read_row(state, &remote, state->rows);
    return state->rows;
}

TupleTableSlot *
fetch(VecmeshScanState *state)
{
    if (state->custom.ss.ps.state->es_epq_active != nullptr)
        return recheck_row(state);
    TupleTableSlot *slot = ExecClearTuple(state->custom.ss.ss_ScanTupleSlot);
    const ScanRow *row = next_scan_row(state);
    if (row == nullptr)
        return slot;
    const Size columns = slot->tts_tupleDescriptor->natts;
    memcpy(slot->tts_values, row->values, columns * sizeof(Datum));
    memcpy(slot->tts_isnull, row->nulls, columns * sizeof(bool));
    return ExecStoreVirtualTuple(slot);
}

VX_CALLBACK(void, begin_scan, (CustomScanState * custom, EState *estate, int flags),
            (custom, estate, flags))
{
    (void)flags;
    auto *state = reinterpret_cast<VecmeshScanState *>(custom);
    const auto *scan = reinterpret_cast<CustomScan *>(custom->ss.ps.plan);
    if (!is_finished(scan->custom_private))
        elog(ERROR, "Vecmesh Scan was not finished: another planner hook bypassed vecmesh's");
    state->plan = read_plan(scan->custom_private);
    state->relation = RelationGetRelid(custom->ss.ss_currentRelation);
    state->execution_context =
        AllocSetContextCreate(estate->es_query_cxt, "vecmesh scan", ALLOCSET_DEFAULT_SIZES);
    init_readers(state);
    init_values(state);
    init_merge(state);
}

/// ExecScan() would hand EvalPlanQual's row over in the relation's row type; ours is narrower.
VX_CALLBACK(TupleTableSlot *, exec_scan, (CustomScanState * custom), (custom))
{
    auto *state = reinterpret_cast<VecmeshScanState *>(custom);
    ExprContext *context = custom->ss.ps.ps_ExprContext;
    ProjectionInfo *projection = custom->ss.ps.ps_ProjInfo;
    for (;;) {
        ResetExprContext(context);
        TupleTableSlot *slot = fetch(state);
        if (TupIsNull(slot))
            return projection != nullptr ? ExecClearTuple(projection->pi_state.resultslot) : slot;
        context->ecxt_scantuple = slot;
        if (ExecQual(custom->ss.ps.qual, context))
            return projection != nullptr ? ExecProject(projection) : slot;
        InstrCountFiltered1(custom, 1);
        CHECK_FOR_INTERRUPTS();
    }
}

VX_CALLBACK(void, rescan, (CustomScanState * custom), (custom))
{
    ExecScanReScan(&custom->ss); // lets EvalPlanQual's row be given again
    stop(reinterpret_cast<VecmeshScanState *>(custom));
}

VX_CALLBACK(void, end_scan, (CustomScanState * custom), (custom))
{
    stop(reinterpret_cast<VecmeshScanState *>(custom));
}

VX_CALLBACK(void, explain, (CustomScanState * custom, List *ancestors, ExplainState *es),
            (custom, ancestors, es))
{
    explain_scan(reinterpret_cast<VecmeshScanState *>(custom), ancestors, es);
}

const CustomExecMethods exec_methods = {
    "Vecmesh Scan", begin_scan, exec_scan, end_scan, rescan,  nullptr, nullptr,
    nullptr,        nullptr,    nullptr,   nullptr,  nullptr, explain,
};

VX_CALLBACK(::Node *, create_scan_state, (CustomScan * scan), (scan))
{
    (void)scan;
    auto *state = static_cast<VecmeshScanState *>(palloc0(sizeof(VecmeshScanState)));
    NodeSetTag(state, T_CustomScanState);
    state->custom.methods = &exec_methods;
    return reinterpret_cast<::Node *>(state);
}

} // namespace

const CustomScanMethods scan_methods = {"Vecmesh Scan", create_scan_state};

} // namespace vecmesh
