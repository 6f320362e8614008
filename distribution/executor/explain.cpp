// SPDX-License-Identifier: PostgreSQL
//
// EXPLAIN for a Vecmesh Scan. Without ANALYZE nothing is sent to a worker: shards and SQL are what
// they would be with the values known now.
#include "pg/postgres.hpp"

#include "executor/scan_state.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "planner/pruning.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "commands/explain.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
}

namespace vecmesh
{

namespace
{

VX_CALLBACK(bool, unknown_walker, (::Node * node, ParamListInfo parameters), (node, parameters))
{
    if (node == nullptr)
        return false;
    if (IsA(node, Param))
        return castNode(Param, node)->paramkind != PARAM_EXTERN || parameters == nullptr;
    return pg::walk_expression(node, unknown_walker, parameters);
}

bool
is_known(const VecmeshScanState *state, int value)
{
    return unknown_walker(reinterpret_cast<::Node *>(state->senders[value].expression->expr),
                          state->custom.ss.ps.state->es_param_list_info) == false;
}

/// Shards and statements as far as the values are known before an execution.
void
foresee(VecmeshScanState *state)
{
    const ScanPlan &plan = state->plan;
    const DistributedTable *table = get_distributed_table(state->relation);
    ExprContext *context = state->custom.ss.ps.ps_ExprContext;
    state->values = static_cast<Datum *>(palloc0(sizeof(Datum) * (state->value_count + 1)));
    state->value_nulls = static_cast<bool *>(palloc0(sizeof(bool) * (state->value_count + 1)));
    state->pruning_known = true;
    state->limit_known = true;
    for (int i = 0; i < state->value_count; i++) {
        const bool for_pruning = pruning_needs_value(plan.pruning, i);
        const bool for_limit = i == plan.limit_count || i == plan.limit_offset;
        if (!for_pruning && !for_limit)
            continue;
        if (is_known(state, i)) {
            state->values[i] =
                ExecEvalExpr(state->senders[i].expression, context, &state->value_nulls[i]);
            continue;
        }
        state->pruning_known = state->pruning_known && !for_pruning;
        state->limit_known = state->limit_known && !for_limit;
    }
    const List *tree = state->pruning_known ? plan.pruning : NIL;
    assign_shards(state, table, prune_shards(table, tree, state->values, state->value_nulls));
    build_statements(state, table);
}

void
show_shards(const VecmeshScanState *state, ExplainState *es)
{
    ExplainPropertyInteger("Workers", nullptr, state->part_count, es);
    if (es->format != EXPLAIN_FORMAT_TEXT) {
        ExplainPropertyInteger("Shards", nullptr, state->shards_visited, es);
        ExplainPropertyInteger("Shards Total", nullptr, state->shards_total, es);
        ExplainPropertyBool("Pruned at Run Time", !state->pruning_known, es);
        return;
    }
    ExplainPropertyText("Shards",
                        psprintf("%d of %d%s", state->shards_visited, state->shards_total,
                                 state->pruning_known ? "" : ", pruned at run time"),
                        es);
}

const char *
describe_key(const VecmeshScanState *state, int key, List *context, bool prefix)
{
    const auto *scan = reinterpret_cast<CustomScan *>(state->custom.ss.ps.plan);
    const ScanPlan &plan = state->plan;
    const auto *entry = list_nth_node(TargetEntry, scan->custom_scan_tlist,
                                      list_nth_int(plan.sort_columns, key) - 1);
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfoString(
        &text, deparse_expression(reinterpret_cast<::Node *>(entry->expr), context, prefix, true));
    const Oid collation = list_nth_oid(plan.sort.collations, key);
    if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID)
        appendStringInfo(&text, " COLLATE %s", quote_identifier(get_collation_name(collation)));
    const bool descending = list_nth_int(plan.sort.descending, key) != 0;
    const bool nulls_first = list_nth_int(plan.sort.nulls_first, key) != 0;
    if (descending)
        appendStringInfoString(&text, " DESC");
    if (nulls_first != descending)
        appendStringInfoString(&text, nulls_first ? " NULLS FIRST" : " NULLS LAST");
    return text.data;
}

void
show_merge_key(const VecmeshScanState *state, List *ancestors, ExplainState *es)
{
    if (state->sort_key_count == 0)
        return;
    List *context = set_deparse_context_plan(es->deparse_cxt, state->custom.ss.ps.plan, ancestors);
    const bool prefix = list_length(es->rtable) > 1 || es->verbose;
    List *keys = NIL;
    for (int i = 0; i < state->sort_key_count; i++)
        keys = lappend(keys, const_cast<char *>(describe_key(state, i, context, prefix)));
    ExplainPropertyList("Merge Key", keys, es);
}

void
show_worker_text(const WorkerTotals *worker, ExplainState *es)
{
    appendStringInfoSpaces(es->str, es->indent * 2);
    appendStringInfo(es->str, "Worker %s: rows=" INT64_FORMAT, worker->label, worker->rows);
    if (es->timing)
        appendStringInfo(es->str, " bytes=" INT64_FORMAT " first row=%.3f ms total=%.3f ms",
                         worker->bytes, worker->first_row_ms, worker->total_ms);
    if (worker->executions > 1)
        appendStringInfo(es->str, " executions=" INT64_FORMAT, worker->executions);
    appendStringInfoChar(es->str, '\n');
}

void
show_worker_properties(const WorkerTotals *worker, ExplainState *es)
{
    ExplainOpenGroup("Remote Worker", nullptr, true, es);
    ExplainPropertyText("Node", worker->label, es);
    ExplainPropertyInteger("Rows", nullptr, worker->rows, es);
    ExplainPropertyInteger("Bytes", nullptr, worker->bytes, es);
    ExplainPropertyInteger("Executions", nullptr, worker->executions, es);
    if (es->timing) {
        ExplainPropertyFloat("First Row Time", "ms", worker->first_row_ms, 3, es);
        ExplainPropertyFloat("Total Time", "ms", worker->total_ms, 3, es);
    }
    ExplainCloseGroup("Remote Worker", nullptr, true, es);
}

void
show_workers(const VecmeshScanState *state, ExplainState *es)
{
    if (state->total_count == 0)
        return;
    ExplainOpenGroup("Remote Workers", "Remote Workers", false, es);
    for (int i = 0; i < state->total_count; i++) {
        if (es->format == EXPLAIN_FORMAT_TEXT)
            show_worker_text(&state->totals[i], es);
        else
            show_worker_properties(&state->totals[i], es);
    }
    ExplainCloseGroup("Remote Workers", "Remote Workers", false, es);
}

WorkerTotals *
find_totals(VecmeshScanState *state, int32 group)
{
    for (int i = 0; i < state->total_count; i++) {
        if (state->totals[i].group == group)
            return &state->totals[i];
    }
    const Size size = sizeof(WorkerTotals) * (state->total_count + 1);
    if (state->totals == nullptr)
        state->totals = static_cast<WorkerTotals *>(
            MemoryContextAlloc(state->custom.ss.ps.state->es_query_cxt, size));
    else
        state->totals = static_cast<WorkerTotals *>(repalloc(state->totals, size));
    WorkerTotals *worker = &state->totals[state->total_count++];
    *worker = {};
    worker->group = group;
    return worker;
}

} // namespace

void
add_totals(VecmeshScanState *state)
{
    if (state->execution == nullptr || state->totals_added ||
        state->custom.ss.ps.instrument == nullptr)
        return;
    for (int i = 0; i < state->part_count; i++) {
        const RemoteTask *task = &state->tasks[i];
        WorkerTotals *worker = find_totals(state, state->parts[i].group);
        worker->label =
            MemoryContextStrdup(state->custom.ss.ps.state->es_query_cxt, state->parts[i].label);
        worker->executions++;
        worker->rows += task->rows;
        worker->bytes += task->bytes;
        worker->first_row_ms += INSTR_TIME_GET_MILLISEC(task->first_row_after);
        worker->total_ms += INSTR_TIME_GET_MILLISEC(task->finished_after);
    }
    state->totals_added = true;
}

void
explain_scan(VecmeshScanState *state, List *ancestors, ExplainState *es)
{
    if (!state->started) {
        MemoryContext previous = MemoryContextSwitchTo(state->execution_context);
        foresee(state);
        MemoryContextSwitchTo(previous);
    }
    add_totals(state);
    show_shards(state, es);
    show_merge_key(state, ancestors, es);
    if (es->verbose && state->part_count > 0)
        ExplainPropertyText("Remote SQL", state->parts[0].sql, es);
    if (es->analyze)
        show_workers(state, es);
}

} // namespace vecmesh
