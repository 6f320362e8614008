// SPDX-License-Identifier: PostgreSQL
//
// k-way merge: each worker delivers its rows in order, a binary heap over the workers (Knuth, The
// Art of Computer Programming, vol. 3, section 5.4.1; PostgreSQL's lib/binaryheap) finds the next
// one. Rows are compared by SortSupport on the scan tuple, as Merge Append does, so NULLs, NaN,
// several keys and collations order as PostgreSQL orders them.
//
// Invariant: between two calls the heap holds every worker that has a row not yet returned, except
// that the worker of the row returned last is still on top, since the caller may be reading that
// row.
#include "pg/postgres.hpp"

#include "executor/scan_state.hpp"
#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

/// binaryheap keeps the largest on top: the order is reversed.
VX_CALLBACK(int, compare_tasks, (Datum a, Datum b, void *argument), (a, b, argument))
{
    auto *state = static_cast<VecmeshScanState *>(argument);
    const ScanRow *left = &state->rows[DatumGetInt32(a)];
    const ScanRow *right = &state->rows[DatumGetInt32(b)];
    for (int i = 0; i < state->sort_key_count; i++) {
        SortSupport key = &state->sort_keys[i];
        const int column = key->ssup_attno - 1;
        const int order = ApplySortComparator(left->values[column], left->nulls[column],
                                              right->values[column], right->nulls[column], key);
        if (order != 0)
            return order < 0 ? 1 : -1;
    }
    return 0;
}

bool
fetch(VecmeshScanState *state, int task)
{
    RemoteRow remote;
    if (!next_row(state->execution, task, &remote))
        return false;
    read_row(state, &remote, &state->rows[task]);
    return true;
}

} // namespace

void
init_merge(VecmeshScanState *state)
{
    const ScanPlan &plan = state->plan;
    state->sort_key_count = list_length(plan.sort_columns);
    state->sort_keys =
        static_cast<SortSupport>(palloc0(sizeof(SortSupportData) * (state->sort_key_count + 1)));
    for (int i = 0; i < state->sort_key_count; i++) {
        SortSupport key = &state->sort_keys[i];
        key->ssup_cxt = CurrentMemoryContext;
        key->ssup_collation = list_nth_oid(plan.sort.collations, i);
        key->ssup_nulls_first = list_nth_int(plan.sort.nulls_first, i) != 0;
        key->ssup_attno = list_nth_int(plan.sort_columns, i);
        key->abbreviate = false; // each value is compared a few times only
        PrepareSortSupportFromOrderingOp(list_nth_oid(plan.sort.operators, i), key);
    }
}

void
start_merge(VecmeshScanState *state)
{
    state->last_task = -1;
    state->heap = binaryheap_allocate(state->part_count, compare_tasks, state);
    for (int task = 0; task < state->part_count; task++) {
        if (fetch(state, task))
            binaryheap_add_unordered(state->heap, Int32GetDatum(task));
    }
    binaryheap_build(state->heap);
}

const ScanRow *
next_merged_row(VecmeshScanState *state)
{
    if (state->last_task >= 0) {
        if (fetch(state, state->last_task))
            binaryheap_replace_first(state->heap, Int32GetDatum(state->last_task));
        else
            binaryheap_remove_first(state->heap);
        state->last_task = -1;
    }
    if (binaryheap_empty(state->heap))
        return nullptr;
    state->last_task = DatumGetInt32(binaryheap_first(state->heap));
    return &state->rows[state->last_task];
}

} // namespace vecmesh
