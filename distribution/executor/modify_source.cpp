// SPDX-License-Identifier: PostgreSQL
//
// Rows from the subplan. A statement must not see its own writes, and a worker's scan that starts
// after a write of the same transaction would: so when the target is read by the statement, all
// reading comes before the first write (README, rule W5).
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/lsyscache.h"
}

namespace vecmesh
{

namespace
{

/// Puts the subplan's rows into a store that spills to disk beyond work_mem.
void
read_all(WriteState *state)
{
    if (!state->plan.read_first || state->store != nullptr)
        return;
    if (state->reading)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("WITH queries that write to distributed table \"%s\" depend on each other",
                        get_rel_name(state->table->relation)),
                 errhint("Use separate statements in one transaction.")));
    state->reading = true;
    MemoryContext old = MemoryContextSwitchTo(state->css.ss.ps.state->es_query_cxt);
    Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
    MemoryContextSwitchTo(old);
    PlanState *subplan = outerPlanState(&state->css);
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        TupleTableSlot *slot = ExecProcNode(subplan);
        if (TupIsNull(slot))
            break;
        tuplestore_puttupleslot(store, slot);
    }
    state->store = store;
    state->reading = false;
}

} // namespace

void
read_before_writing(WriteState *state)
{
    read_all(state);
    ListCell *cell;
    foreach (cell, state->css.ss.ps.state->es_auxmodifytables) {
        auto *other = static_cast<PlanState *>(lfirst(cell));
        if (!is_write_state(other))
            continue;
        auto *other_state = reinterpret_cast<WriteState *>(other);
        if (other_state != state && other_state->table->relation == state->table->relation)
            read_all(other_state);
    }
}

TupleTableSlot *
next_source_row(WriteState *state)
{
    if (state->source_ended)
        return nullptr;
    TupleTableSlot *slot;
    if (state->plan.read_first) {
        read_all(state);
        slot = tuplestore_gettupleslot(state->store, true, false, state->source_slot)
                   ? state->source_slot
                   : nullptr;
    } else {
        slot = ExecProcNode(outerPlanState(&state->css));
    }
    if (!TupIsNull(slot))
        return slot;
    state->source_ended = true;
    return nullptr;
}

} // namespace vecmesh
