// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/row_sorter.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/memutils.h"
}

#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/sorted_rows.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

constexpr Size kBatchBytes = 1024 * 1024; // of row data
constexpr uint32 kMostBatch = 1024;
constexpr uint32 kLeastBatch = 16;

static uint32
batch_rows(const Meta &meta)
{
    const Size fits = kBatchBytes / (meta.page.padded * sizeof(float) + row_code_bytes(meta));
    return static_cast<uint32>(Min(Max(fits, Size{kLeastBatch}), Size{kMostBatch}));
}

Size
sorter_bytes(const Meta &meta)
{
    return batch_rows(meta) * (meta.page.padded * sizeof(float) + row_code_bytes(meta));
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

void
begin_sorter(RowSorter *sorter, Relation index, const Meta *meta, const float *mean,
             const Centroids *centroids, uint32 *list_rows, int sort_kilobytes,
             SortCoordinate coordinate)
{
    memset(sorter, 0, sizeof(*sorter));
    sorter->index = index;
    sorter->meta = meta;
    sorter->list_rows = list_rows;
    sorter->capacity = batch_rows(*meta);
    sorter->stride = MAXALIGN(row_code_bytes(*meta));
    sorter->rows =
        static_cast<float *>(palloc(sorter->capacity * meta->page.padded * sizeof(float)));
    sorter->codes = static_cast<char *>(palloc0(sorter->capacity * sorter->stride));
    sorter->payload = static_cast<bytea *>(palloc0(VARHDRSZ + sorter->stride));
    make_encoder(meta, mean, &sorter->encoder);
    make_assigner(centroids, meta->page.spill_ratio > 0 ? kSpillCandidates : 1, sorter->capacity,
                  &sorter->assigner);
    make_spill_chooser(meta->page.padded, read_centre, centroids, &sorter->spill);
    sorter->sort = begin_row_sort(sort_kilobytes, coordinate);
    sorter->slot = MakeSingleTupleTableSlot(row_sort_descriptor(), &TTSOpsVirtual);
    sorter->scratch = AllocSetContextCreate(CurrentMemoryContext, "vector ivfrabitq: one row",
                                            ALLOCSET_DEFAULT_SIZES);
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
    sorter->list_rows[list]++;

    const Size bytes = row_code_bytes(*sorter->meta);
    SET_VARSIZE(sorter->payload, VARHDRSZ + bytes);
    memcpy(VARDATA(sorter->payload), code, bytes);
    ExecClearTuple(sorter->slot);
    sorter->slot->tts_values[0] = Int64GetDatum(sort_key(static_cast<uint32>(list), &code->tid));
    sorter->slot->tts_values[1] = PointerGetDatum(sorter->payload);
    sorter->slot->tts_isnull[0] = sorter->slot->tts_isnull[1] = false;
    ExecStoreVirtualTuple(sorter->slot);
    tuplesort_puttupleslot(sorter->sort, sorter->slot); // copies
}

static void
sort_batch(RowSorter *sorter)
{
    if (sorter->count == 0)
        return;
    RowAssigner &assigner = sorter->assigner;
    assign_batch(&assigner, sorter->rows, sorter->count);
    for (uint32 i = 0; i < sorter->count; i++) {
        const int32 *lists = assigner.lists + static_cast<Size>(i) * assigner.nearest;
        sort_row(sorter, i, lists[0]);
        if (assigner.nearest > 1) {
            const SpillChoice second = choose_second(
                &sorter->spill, sorter->rows + static_cast<Size>(i) * sorter->meta->page.padded,
                lists);
            if (second.ratio < sorter->meta->page.spill_ratio)
                sort_row(sorter, i, second.list);
        }
    }
    sorter->indexed += sorter->count;
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
    const bool indexed =
        prepare_row(&sorter->encoder, values[0],
                    sorter->rows + static_cast<Size>(sorter->count) * sorter->meta->page.padded);
    if (indexed) {
        code->tid = *tid;
        code->nulls = 0;
        if (sorter->meta->page.filter_columns > 0)
            store_filter_values(sorter->index, *sorter->meta, values, isnull, code);
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
        table_index_build_scan(heap, sorter->index, info, true, true, take_row, sorter, scan);
    sort_batch(sorter);
    ExecDropSingleTupleTableSlot(sorter->slot);
    tuplesort_performsort(sorter->sort);
    return seen;
}

} // namespace vx::ivfrabitq
