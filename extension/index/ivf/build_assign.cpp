// SPDX-License-Identifier: PostgreSQL
//
// Assignment: the heap is scanned once, rows are gathered into batches, a batch gets its nearest
// centroids as one matrix product in vector_build.so, and goes to a sort by list number. The sort
// spills to disk beyond maintenance_work_mem.
#include "pg/postgres.hpp"

#include "index/ivf/build_state.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "commands/progress.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
}

#include "index/common/build_library.hpp"
#include "index/common/rows.hpp"
#include "index/common/sample.hpp"
#include "index/ivf/sorted_rows.hpp"
#include "pg/entry.hpp"

namespace vx::ivf
{

constexpr Size kBatchBytes = 4 * 1024 * 1024; // of row data
constexpr Size kMinSortKilobytes = 1024;

struct AssignState {
    BuildState *build;
    TupleTableSlot *slot;
    bytea *payload;
    float *rows;
    ItemPointerData *tids;
    int32 *lists;
    int count;
    int capacity;
};

static void
sort_row(AssignState *state, int i)
{
    BuildState *build = state->build;
    const Size n = build->dimensions();
    const int32 list = state->lists[i];
    if (list < 0 || static_cast<uint32>(list) >= build->lists())
        elog(ERROR, "row assigned to list %d of %u", list, build->lists());
    build->list_rows[list]++;

    char *payload = VARDATA(state->payload);
    memcpy(payload, &state->tids[i], sizeof(ItemPointerData));
    memcpy(payload + kSortedRowOffset, state->rows + i * n, n * sizeof(float));

    ExecClearTuple(state->slot);
    state->slot->tts_values[0] = Int32GetDatum(list);
    state->slot->tts_values[1] = PointerGetDatum(state->payload);
    state->slot->tts_isnull[0] = state->slot->tts_isnull[1] = false;
    ExecStoreVirtualTuple(state->slot);
    tuplesort_puttupleslot(build->sort, state->slot); // copies
}

static void
assign_batch(AssignState *state)
{
    BuildState *build = state->build;
    if (state->count == 0)
        return;
    VxAssignRequest request = {};
    request.rows = state->rows;
    request.row_count = state->count;
    request.dim = static_cast<int32>(build->dimensions());
    request.centroids = build->centroids;
    request.list_count = static_cast<int32>(build->lists());
    request.metric =
        index::is_similarity(build->operator_class.metric) ? VX_BUILD_INNER_PRODUCT : VX_BUILD_L2;
    request.threads = build->threads;
    request.lists = state->lists;
    build_assign(&request);

    for (int i = 0; i < state->count; i++)
        sort_row(state, i);
    build->index_tuples += state->count;
    state->count = 0;
}

VX_CALLBACK(void, assign_row,
            (Relation /* index */, ItemPointer tid, Datum *values, bool *isnull, bool /* alive */,
             void *argument),
            (nullptr, tid, values, isnull, true, argument))
{
    auto *state = static_cast<AssignState *>(argument);
    BuildState *build = state->build;
    if (isnull[0])
        return;

    MemoryContext previous = MemoryContextSwitchTo(build->scratch);
    const bool indexed = index::make_row(
        values[0], static_cast<int32>(build->dimensions()), build->operator_class.normalize_rows,
        state->rows + static_cast<Size>(state->count) * build->dimensions());
    MemoryContextSwitchTo(previous);
    MemoryContextReset(build->scratch);
    if (!indexed)
        return;
    state->tids[state->count++] = *tid;
    if (state->count == state->capacity)
        assign_batch(state);
}

static void
begin_sort(BuildState *build, Size used_bytes)
{
    build->sort_descriptor = CreateTemplateTupleDesc(2);
    TupleDescInitEntry(build->sort_descriptor, 1, "list", INT4OID, -1, 0);
    TupleDescInitEntry(build->sort_descriptor, 2, "row", BYTEAOID, -1, 0);

    const Size used = used_bytes / 1024;
    const Size memory = index::build_memory() / 1024;
    const Size left = memory > used + kMinSortKilobytes ? memory - used : kMinSortKilobytes;
    AttrNumber columns[] = {1};
    Oid operators[] = {Int4LessOperator};
    Oid collations[] = {InvalidOid};
    bool nulls_first[] = {false};
    build->sort = tuplesort_begin_heap(build->sort_descriptor, 1, columns, operators, collations,
                                       nulls_first, static_cast<int>(left), nullptr, false);
}

void
assign_rows(BuildState *build)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseAssign);

    const Size row_bytes = build->meta.row_bytes;
    AssignState state = {};
    state.build = build;
    state.capacity = static_cast<int>(Max(kBatchBytes / row_bytes, static_cast<Size>(64)));
    state.capacity = Min(state.capacity, 16384);
    const Size batch_bytes = state.capacity * row_bytes;
    state.rows = static_cast<float *>(palloc(batch_bytes));
    state.tids = static_cast<ItemPointerData *>(palloc(state.capacity * sizeof(ItemPointerData)));
    state.lists = static_cast<int32 *>(palloc(state.capacity * sizeof(int32)));
    state.payload = static_cast<bytea *>(palloc0(VARHDRSZ + kSortedRowOffset + row_bytes));
    SET_VARSIZE(state.payload, VARHDRSZ + kSortedRowOffset + row_bytes);
    build->list_rows = static_cast<int64 *>(palloc0(build->lists() * sizeof(int64)));

    begin_sort(build, centroid_bytes(build) + batch_bytes);
    state.slot = MakeSingleTupleTableSlot(build->sort_descriptor, &TTSOpsVirtual);
    if (build->heap != nullptr) {
        build->heap_tuples = table_index_build_scan(build->heap, build->index, build->info, true,
                                                    true, assign_row, &state, nullptr);
        assign_batch(&state);
    }
    ExecDropSingleTupleTableSlot(state.slot);
    pfree(state.rows);
    tuplesort_performsort(build->sort);
}

} // namespace vx::ivf
