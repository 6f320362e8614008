// SPDX-License-Identifier: PostgreSQL
//
// The CustomScan nodes "Vecmesh Insert", "Vecmesh Update" and "Vecmesh Delete": what ModifyTable is
// for ordinary tables. One implementation; the operation is in the plan.
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"
#include "pg/entry.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "access/sysattr.h"
#include "lib/stringinfo.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

extern const CustomExecMethods write_methods;

// ----- start -------------------------------------------------------------------------------------

/// True when RETURNING or a check needs the column; the distribution column always travels, so that
/// there is something to return.
bool
row_needs_column(const Bitmapset *needed, AttrNumber column, AttrNumber distribution_column)
{
    const int whole_row = InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber;
    return column == distribution_column || bms_is_member(whole_row, needed) ||
           bms_is_member(column - FirstLowInvalidHeapAttributeNumber, needed);
}

void
init_written_columns(WriteState *state)
{
    TupleDesc description = RelationGetDescr(state->relation);
    StringInfoData list;
    initStringInfo(&list);
    state->columns = static_cast<AttrNumber *>(palloc(sizeof(AttrNumber) * description->natts));
    state->codecs = static_cast<ValueCodec *>(palloc0(sizeof(ValueCodec) * description->natts));
    for (int i = 0; i < description->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(description, i);
        if (attribute->attisdropped)
            continue;
        const int n = state->column_count++;
        state->columns[n] = attribute->attnum;
        init_value_codec(&state->codecs[n], attribute->atttypid, attribute->atttypmod,
                         travels_binary(attribute->atttypid));
        appendStringInfo(&list, "%s%s", n > 0 ? ", " : "",
                         quote_identifier(NameStr(attribute->attname)));
    }
    state->column_list = list.data;
}

void
init_returned_columns(WriteState *state, const CustomScan *scan)
{
    TupleDesc description = RelationGetDescr(state->relation);
    Bitmapset *needed = nullptr;
    pull_varattnos(reinterpret_cast<Node *>(scan->scan.plan.targetlist), scan->scan.scanrelid,
                   &needed);
    pull_varattnos(reinterpret_cast<Node *>(state->plan.check_options), scan->scan.scanrelid,
                   &needed);
    StringInfoData list;
    initStringInfo(&list);
    state->row_columns = static_cast<AttrNumber *>(palloc(sizeof(AttrNumber) * description->natts));
    state->binary_rows = true;
    for (int i = 0; i < description->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(description, i);
        if (attribute->attisdropped ||
            !row_needs_column(needed, attribute->attnum, state->table->column))
            continue;
        appendStringInfo(&list, "%st.%s", state->row_column_count > 0 ? ", " : "",
                         quote_identifier(NameStr(attribute->attname)));
        state->row_columns[state->row_column_count++] = attribute->attnum;
        state->binary_rows = state->binary_rows && travels_binary(attribute->atttypid);
    }
    state->row_list = list.data;
    state->row_codecs =
        static_cast<ValueCodec *>(palloc0(sizeof(ValueCodec) * state->row_column_count));
    for (int i = 0; i < state->row_column_count; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(description, state->row_columns[i] - 1);
        init_value_codec(&state->row_codecs[i], attribute->atttypid, attribute->atttypmod,
                         state->binary_rows);
    }
}

void
init_check_options(WriteState *state)
{
    List *expressions = NIL;
    ListCell *cell;
    foreach (cell, state->plan.check_options) {
        auto *option = lfirst_node(WithCheckOption, cell);
        expressions =
            lappend(expressions, ExecInitQual(castNode(List, option->qual), &state->css.ss.ps));
    }
    state->result->ri_WithCheckOptions = state->plan.check_options;
    state->result->ri_WithCheckOptionExprs = expressions;
}

void
init_source(WriteState *state, const CustomScan *scan, EState *estate, int eflags)
{
    if (scan->scan.plan.lefttree == nullptr)
        return;
    PlanState *source = ExecInitNode(scan->scan.plan.lefttree, estate, eflags);
    outerPlanState(&state->css) = source;
    TupleDesc description = ExecGetResultType(source);
    state->source_slot = ExecInitExtraTupleSlot(estate, description, &TTSOpsMinimalTuple);
    state->plan_slot = ExecInitExtraTupleSlot(estate, description, &TTSOpsMinimalTuple);
}

} // namespace

VX_CALLBACK(Node *, create_write_state, (CustomScan * scan), (scan))
{
    (void)scan;
    auto *state = static_cast<WriteState *>(palloc0(sizeof(WriteState)));
    NodeSetTag(state, T_CustomScanState);
    state->css.methods = &write_methods;
    return reinterpret_cast<Node *>(state);
}

VX_CALLBACK(void, begin_write, (CustomScanState * node, EState *estate, int eflags),
            (node, estate, eflags))
{
    auto *state = reinterpret_cast<WriteState *>(node);
    const auto *scan = castNode(CustomScan, node->ss.ps.plan);
    state->plan = decode_write_plan(scan->custom_private);
    state->relation = node->ss.ss_currentRelation;
    state->table = get_distributed_table(RelationGetRelid(state->relation));
    state->has_returning = scan->scan.plan.targetlist != NIL;
    state->wants_rows = state->has_returning || state->plan.check_options != NIL;
    state->batch =
        AllocSetContextCreate(estate->es_query_cxt, "vecmesh write: batch", ALLOCSET_DEFAULT_SIZES);
    state->new_row_slot =
        ExecInitExtraTupleSlot(estate, RelationGetDescr(state->relation), &TTSOpsVirtual);
    state->result = makeNode(ResultRelInfo);
    ExecInitResultRelation(estate, state->result, scan->scan.scanrelid);
    init_source(state, scan, estate, eflags);
    state->values = ExecInitExprList(scan->custom_exprs, &node->ss.ps);
    init_check_options(state);
    init_written_columns(state);
    if (state->wants_rows)
        init_returned_columns(state, scan);

    // A write in WITH runs to its end even when nobody reads what it returns.
    if (!state->plan.can_set_tag)
        estate->es_auxmodifytables = lcons(state, estate->es_auxmodifytables);
}

// ----- rows --------------------------------------------------------------------------------------

namespace
{

/// The next returned row as the parent wants it; nullptr when the batch has no more.
TupleTableSlot *
next_returned_row(WriteState *state)
{
    ScanState *node = &state->css.ss;
    EState *estate = node->ps.state;
    while (state->returned_next < state->returned_count) {
        const ReturnedRow *entry = &state->returned[state->returned_next++];
        if (entry->row == nullptr)
            continue; // passed over by ON CONFLICT
        TupleTableSlot *slot = node->ss_ScanTupleSlot;
        ExecForceStoreMinimalTuple(entry->row, slot, false);
        slot->tts_tableOid = RelationGetRelid(state->relation);
        if (state->plan.check_options != NIL) {
            ResetPerTupleExprContext(estate);
            ExecWithCheckOptions(WCO_VIEW_CHECK, state->result, slot, estate);
        }
        if (!state->has_returning)
            continue;
        if (node->ps.ps_ProjInfo == nullptr)
            return slot;
        ExprContext *context = node->ps.ps_ExprContext;
        ResetExprContext(context);
        context->ecxt_scantuple = slot;
        if (entry->plan_row != nullptr)
            context->ecxt_outertuple =
                ExecStoreMinimalTuple(entry->plan_row, state->plan_slot, false);
        return ExecProject(node->ps.ps_ProjInfo);
    }
    return nullptr;
}

void
write_batch(WriteState *state)
{
    state->returned = nullptr;
    state->returned_count = 0;
    state->returned_capacity = 0;
    state->returned_next = 0;
    MemoryContextReset(state->batch);
    ResetExprContext(state->css.ss.ps.ps_ExprContext);
    switch (state->plan.method) {
    case WriteMethod::insert:
        insert_batch(state);
        break;
    case WriteMethod::rows:
        modify_rows_batch(state);
        break;
    case WriteMethod::pushed:
        run_pushed_write(state);
        break;
    }
}

} // namespace

VX_CALLBACK(TupleTableSlot *, exec_write, (CustomScanState * node), (node))
{
    auto *state = reinterpret_cast<WriteState *>(node);
    for (;;) {
        TupleTableSlot *slot = next_returned_row(state);
        if (slot != nullptr)
            return slot;
        if (state->finished)
            return nullptr;
        write_batch(state);
    }
}

VX_CALLBACK(void, end_write, (CustomScanState * node), (node))
{
    auto *state = reinterpret_cast<WriteState *>(node);
    if (state->store != nullptr)
        tuplestore_end(state->store);
    ExecEndNode(outerPlanState(node));
}

VX_CALLBACK(void, rescan_write, (CustomScanState * node), (node))
{
    (void)node;
    elog(ERROR, "writes to distributed tables cannot be rescanned");
}

VX_CALLBACK(void, explain_write_node,
            (CustomScanState * node, List *ancestors, ExplainState *explain),
            (node, ancestors, explain))
{
    (void)ancestors;
    explain_write(reinterpret_cast<WriteState *>(node), explain);
}

namespace
{

const CustomExecMethods write_methods = {
    "Vecmesh Write", begin_write, exec_write, end_write, rescan_write, nullptr,           nullptr,
    nullptr,         nullptr,     nullptr,    nullptr,   nullptr,      explain_write_node};

const CustomScanMethods insert_methods = {"Vecmesh Insert", create_write_state};
const CustomScanMethods update_methods = {"Vecmesh Update", create_write_state};
const CustomScanMethods delete_methods = {"Vecmesh Delete", create_write_state};

} // namespace

const CustomScanMethods *
write_scan_methods(CmdType operation)
{
    switch (operation) {
    case CMD_INSERT:
        return &insert_methods;
    case CMD_UPDATE:
        return &update_methods;
    case CMD_DELETE:
        return &delete_methods;
    default:
        elog(ERROR, "unexpected operation on a distributed table: %d", operation);
    }
    return nullptr;
}

bool
is_write_state(const PlanState *planstate)
{
    return IsA(planstate, CustomScanState) &&
           reinterpret_cast<const CustomScanState *>(planstate)->methods == &write_methods;
}

} // namespace vecmesh
