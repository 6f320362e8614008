// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/row_sorter.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
}

#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/sorted_rows.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

constexpr Size kMostBatchBytes = 1024 * 1024; // of row data
constexpr uint32 kMostBatch = 1024;
constexpr uint32 kLeastBatch = 16;
constexpr Size kLeastSortBytes = 64 * 1024;      // tuplesort takes no less
constexpr uint64 kPieceWork = 128 * 1024 * 1024; // multiplications between checks for interrupts

static Size
row_bytes(const Meta &meta)
{
    return meta.page.padded * sizeof(float) + MAXALIGN(row_code_bytes(meta)) +
           kSpillCandidates * (sizeof(int32) + sizeof(float));
}

/// A batch takes an eighth of the memory at most.
static uint32
batch_rows(const SortPlan &plan)
{
    const Size bytes = Min(static_cast<Size>(plan.kilobytes) * 1024 / 8, kMostBatchBytes);
    const Size fits = bytes / row_bytes(*plan.meta);
    return static_cast<uint32>(Min(Max(fits, Size{kLeastBatch}), Size{kMostBatch}));
}

TupleDesc
row_sort_descriptor()
{
    TupleDesc descriptor = CreateTemplateTupleDesc(2);
    TupleDescInitEntry(descriptor, 1, "key", INT8OID, -1, 0);
    TupleDescInitEntry(descriptor, 2, "row", BYTEAOID, -1, 0);
    return descriptor;
}

Tuplesortstate *
begin_row_sort(int kilobytes, SortCoordinate coordinate)
{
    AttrNumber columns[] = {1};
    Oid operators[] = {Int8LessOperator};
    Oid collations[] = {InvalidOid};
    bool nulls_first[] = {false};
    return tuplesort_begin_heap(row_sort_descriptor(), 1, columns, operators, collations,
                                nulls_first, kilobytes, coordinate, TUPLESORT_NONE);
}

static void
make_batch(RowSorter *sorter)
{
    const Meta &meta = *sorter->plan.meta;
    const Size n = sorter->capacity = batch_rows(sorter->plan);
    sorter->stride = MAXALIGN(row_code_bytes(meta));
    sorter->rows = static_cast<float *>(palloc(n * meta.page.padded * sizeof(float)));
    sorter->codes = static_cast<char *>(palloc0(n * sorter->stride));
    sorter->payload = static_cast<bytea *>(palloc0(VARHDRSZ + sorter->stride));
    sorter->tids = static_cast<ItemPointerData *>(palloc(n * sizeof(ItemPointerData)));
    sorter->lists = static_cast<int32 *>(palloc(n * sizeof(int32)));
    sorter->spill_lists = static_cast<int32 *>(palloc(n * sizeof(int32)));
}

void
begin_sorter(RowSorter *sorter, const SortPlan *plan)
{
    memset(sorter, 0, sizeof(*sorter));
    sorter->plan = *plan;
    make_batch(sorter);
    const Meta &meta = *plan->meta;
    make_encoder(&meta, plan->mean, &sorter->encoder);
    make_assigner(plan->centroids, meta.page.spill_ratio > 0 ? kSpillCandidates : 1,
                  sorter->capacity, &sorter->assigner);
    make_spill_chooser(meta.page.padded, read_centre, plan->centroids, &sorter->spill);
    const Size batch = sorter->capacity * row_bytes(meta);
    const Size all = static_cast<Size>(plan->kilobytes) * 1024;
    const Size left = all > batch + kLeastSortBytes ? all - batch : kLeastSortBytes;
    sorter->sort = begin_row_sort(static_cast<int>(left / 1024), plan->coordinate);
    sorter->slot = MakeSingleTupleTableSlot(row_sort_descriptor(), &TTSOpsVirtual);
    sorter->scratch = AllocSetContextCreate(CurrentMemoryContext, "vector ivfrabitq: one row",
                                            ALLOCSET_DEFAULT_SIZES);
}

static void
free_batch(RowSorter *sorter)
{
    ExecDropSingleTupleTableSlot(sorter->slot);
    MemoryContextDelete(sorter->scratch);
    free_assigner(&sorter->assigner);
    pfree(sorter->rows);
    pfree(sorter->codes);
    pfree(sorter->payload);
    pfree(sorter->tids);
    pfree(sorter->lists);
    pfree(sorter->spill_lists);
}

static RowCode *
row_code(RowSorter *sorter, uint32 i)
{
    return reinterpret_cast<RowCode *>(sorter->codes + i * sorter->stride);
}

/// Encodes row i of the batch for the list, and sorts it.
static void
sort_row(RowSorter *sorter, uint32 i, int32 list)
{
    const Centroids &centroids = *sorter->assigner.centroids;
    if (list < 0 || static_cast<uint32>(list) >= centroids.lists)
        elog(ERROR, "row assigned to list %d of %u", list, centroids.lists);
    RowCode *code = row_code(sorter, i);
    encode_row(&sorter->encoder, sorter->rows + static_cast<Size>(i) * centroids.padded,
               centroid_codes(centroids, list), centroids.scales[list], code);
    sorter->plan.list_rows[list]++;

    const Size bytes = row_code_bytes(*sorter->plan.meta);
    SET_VARSIZE(sorter->payload, VARHDRSZ + bytes);
    memcpy(VARDATA(sorter->payload), code, bytes);
    ExecClearTuple(sorter->slot);
    sorter->slot->tts_values[0] = Int64GetDatum(sort_key(static_cast<uint32>(list), &code->tid));
    sorter->slot->tts_values[1] = PointerGetDatum(sorter->payload);
    sorter->slot->tts_isnull[0] = sorter->slot->tts_isnull[1] = false;
    ExecStoreVirtualTuple(sorter->slot);
    tuplesort_puttupleslot(sorter->sort, sorter->slot); // copies
}

static const float *
row_of(const RowSorter *sorter, uint32 i)
{
    return sorter->rows + static_cast<Size>(i) * sorter->plan.meta->page.padded;
}

/// The lists of the batch's rows, into sorter->lists and spill_lists.
static void
choose_lists(RowSorter *sorter)
{
    RowAssigner &assigner = sorter->assigner;
    assign_batch(&assigner, sorter->rows, sorter->count);
    for (uint32 i = 0; i < sorter->count; i++) {
        const int32 *lists = assigner.lists + static_cast<Size>(i) * assigner.nearest;
        sorter->lists[i] = lists[0];
        sorter->spill_lists[i] = -1;
        if (assigner.nearest == 1)
            continue;
        const SpillChoice second = choose_second(&sorter->spill, row_of(sorter, i), lists);
        if (second.ratio < sorter->plan.meta->page.spill_ratio)
            sorter->spill_lists[i] = second.list;
    }
}

/// Shows the batch to the calibration's queries, in pieces between checks for interrupts.
static void
show_batch(RowSorter *sorter)
{
    Truth *truth = sorter->plan.truth;
    const uint64 row_work =
        static_cast<uint64>(truth_queries(truth)) * sorter->plan.meta->page.padded;
    const auto piece = static_cast<uint32>(Min(Max(kPieceWork / row_work, uint64{1}), kMostBatch));
    for (uint32 first = 0; first < sorter->count; first += piece) {
        CHECK_FOR_INTERRUPTS();
        show_rows(truth, row_of(sorter, first), sorter->tids + first, sorter->lists + first,
                  sorter->spill_lists + first, Min(piece, sorter->count - first));
    }
}

static void
report_progress(RowSorter *sorter)
{
    const uint64 indexed = pg_atomic_add_fetch_u64(sorter->plan.indexed, sorter->count);
    if (sorter->plan.shows_progress)
        pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(indexed));
}

static void
sort_batch(RowSorter *sorter)
{
    if (sorter->count == 0)
        return;
    choose_lists(sorter);
    for (uint32 i = 0; i < sorter->count; i++) {
        sorter->tids[i] = row_code(sorter, i)->tid;
        sort_row(sorter, i, sorter->lists[i]);
        if (sorter->spill_lists[i] >= 0)
            sort_row(sorter, i, sorter->spill_lists[i]);
    }
    if (sorter->plan.truth != nullptr)
        show_batch(sorter);
    report_progress(sorter);
    sorter->count = 0;
}

VX_CALLBACK(void, take_row,
            (Relation /* index */, ItemPointer tid, Datum *values, bool *isnull, bool /* alive */,
             void *argument),
            (nullptr, tid, values, isnull, true, argument))
{
    auto *sorter = static_cast<RowSorter *>(argument);
    if (isnull[0])
        return;

    MemoryContext previous = MemoryContextSwitchTo(sorter->scratch);
    RowCode *code = row_code(sorter, sorter->count);
    const bool indexed = prepare_row(&sorter->encoder, values[0],
                                     sorter->rows + static_cast<Size>(sorter->count) *
                                                        sorter->plan.meta->page.padded);
    if (indexed) {
        code->tid = *tid;
        code->nulls = 0;
        if (sorter->plan.meta->page.filter_columns > 0)
            store_filter_values(sorter->plan.index, *sorter->plan.meta, values, isnull, code);
        sorter->count++;
    }
    MemoryContextSwitchTo(previous);
    MemoryContextReset(sorter->scratch);
    if (sorter->count == sorter->capacity)
        sort_batch(sorter);
}

double
sort_table(RowSorter *sorter, Relation heap, IndexInfo *info, TableScanDesc scan)
{
    const double seen =
        table_index_build_scan(heap, sorter->plan.index, info, true, true, take_row, sorter, scan);
    sort_batch(sorter);
    free_batch(sorter);
    tuplesort_performsort(sorter->sort);
    return seen;
}

} // namespace vx::ivfrabitq
