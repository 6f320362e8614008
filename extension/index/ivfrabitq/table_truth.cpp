// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/table_truth.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

#include "index/common/lock_index.hpp"
#include "index/common/sample.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

/// Rows that are shown at a time.
constexpr uint32 kBatchRows = 192;

// ---- open and close

static void
check_index(Relation index)
{
    const char *name = RelationGetRelationName(index);
    if (index->rd_rel->relkind != RELKIND_INDEX ||
        index->rd_rel->relam != get_index_am_oid("ivfrabitq", false))
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                        errmsg("\"%s\" is not an ivfrabitq index", name)));
    if (RELATION_IS_OTHER_TEMP(index))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot access temporary indexes of other sessions")));
    if (!index->rd_index->indisvalid)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("index \"%s\" is not valid", name)));
}

TableTruth *
open_table_truth(Oid index, LOCKMODE heap_lock, LOCKMODE index_lock)
{
    auto *state = static_cast<TableTruth *>(palloc0(sizeof(TableTruth)));
    const Oid heap = index::lock_index_and_table(index, index_lock, heap_lock);
    if (OidIsValid(heap))
        state->heap = table_open(heap, NoLock);
    state->index = relation_open(index, NoLock);
    check_index(state->index);
    state->meta = read_meta(state->index);
    get_meta(state->index); // what get_mean() requires
    const Size bytes = state->meta.page.padded * sizeof(float);
    auto *mean = static_cast<float *>(palloc(bytes));
    memcpy(mean, get_mean(state->index, state->meta), bytes);
    make_encoder(&state->meta, mean, &state->encoder);
    return state;
}

void
close_table_truth(TableTruth *state)
{
    relation_close(state->index, NoLock);
    table_close(state->heap, NoLock);
}

// ---- the functions of an index run as the owner of the table

struct Identity {
    Oid user;
    int security;
    int settings;
};

static Identity
become_owner(Relation heap)
{
    Identity before;
    GetUserIdAndSecContext(&before.user, &before.security);
    SetUserIdAndSecContext(heap->rd_rel->relowner, before.security | SECURITY_RESTRICTED_OPERATION);
    before.settings = NewGUCNestLevel();
    return before;
}

static void
become_again(const Identity &before)
{
    AtEOXact_GUC(false, before.settings);
    SetUserIdAndSecContext(before.user, before.security);
}

/// With a snapshot, as CREATE INDEX CONCURRENTLY reads: others may write meanwhile.
static IndexInfo *
concurrent_info(Relation index)
{
    IndexInfo *info = BuildIndexInfo(index);
    info->ii_Concurrent = true;
    return info;
}

// ---- queries

static bool
keep_sampled_row(void *argument, int64 slot, ItemPointer tid, Datum value)
{
    auto *state = static_cast<TableTruth *>(argument);
    if (!prepare_row(&state->encoder, value,
                     state->prepared + slot * static_cast<int64>(state->meta.page.padded)))
        return false;
    MemoryContext previous = MemoryContextSwitchTo(GetMemoryChunkContext(state));
    state->values[slot] = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
    MemoryContextSwitchTo(previous);
    state->tids[slot] = *tid;
    return true;
}

static void
sample_indexed_rows(TableTruth *state, uint32 most)
{
    MemoryContext scratch =
        AllocSetContextCreate(CurrentMemoryContext, "sampled row", ALLOCSET_DEFAULT_SIZES);
    index::Sample sample = {};
    sample.heap = state->heap;
    sample.index = state->index;
    sample.info = concurrent_info(state->index);
    sample.scratch = scratch;
    sample.row_bytes = state->meta.page.dimensions * sizeof(float);
    sample.target = most;
    sample.store = keep_sampled_row;
    sample.argument = state;
    const Identity before = become_owner(state->heap);
    index::draw_sample(&sample);
    become_again(before);
    MemoryContextDelete(scratch);
    state->count = static_cast<uint32>(sample.count);
}

static void
read_table_queries(TableTruth *state, Oid queries, const char *column, uint32 most)
{
    const QueryColumn source = check_query_column(state->index, queries, column);
    auto *values = static_cast<Datum *>(palloc(most * sizeof(Datum)));
    const uint32 found =
        read_query_values(state->index, source, state->meta.page.dimensions, most, values);
    for (uint32 i = 0; i < found; i++)
        if (prepare_row(&state->encoder, values[i],
                        state->prepared +
                            static_cast<Size>(state->count) * state->meta.page.padded))
            state->values[state->count++] = values[i];
    state->from_table = true;
}

void
take_queries(TableTruth *state, Oid queries, const char *column, uint32 most)
{
    state->prepared = static_cast<float *>(
        palloc_extended(mul_size(most, state->meta.page.padded * sizeof(float)), MCXT_ALLOC_HUGE));
    state->values = static_cast<Datum *>(palloc0(most * sizeof(Datum)));
    state->tids = static_cast<ItemPointerData *>(palloc0(most * sizeof(ItemPointerData)));
    if (OidIsValid(queries))
        read_table_queries(state, queries, column, most);
    else
        sample_indexed_rows(state, most);
}

// ---- truth

struct Batch {
    TableTruth *state;
    MemoryContext scratch;
    float *rows;
    ItemPointerData tids[kBatchRows];
    int32 blocks[kBatchRows];
    int32 offsets[kBatchRows];
    uint32 count;
};

static void
show_batch(Batch *batch)
{
    CHECK_FOR_INTERRUPTS();
    show_rows(batch->state->truth, batch->rows, batch->tids, batch->blocks, batch->offsets,
              batch->count);
    batch->count = 0;
}

VX_CALLBACK(void, show_table_row,
            (Relation /* index */, ItemPointer tid, Datum *values, bool *isnull, bool /* alive */,
             void *argument),
            (nullptr, tid, values, isnull, true, argument))
{
    auto *batch = static_cast<Batch *>(argument);
    TableTruth *state = batch->state;
    if (isnull[0])
        return;
    MemoryContext previous = MemoryContextSwitchTo(batch->scratch);
    const bool indexed =
        prepare_row(&state->encoder, values[0],
                    batch->rows + static_cast<Size>(batch->count) * state->meta.page.padded);
    MemoryContextSwitchTo(previous);
    MemoryContextReset(batch->scratch);
    if (!indexed)
        return;
    batch->tids[batch->count] = *tid;
    batch->blocks[batch->count] = static_cast<int32>(ItemPointerGetBlockNumber(tid));
    batch->offsets[batch->count] = ItemPointerGetOffsetNumber(tid);
    if (++batch->count == kBatchRows)
        show_batch(batch);
}

void
find_truth(TableTruth *state)
{
    const uint32 padded = state->meta.page.padded;
    state->truth = static_cast<Truth *>(palloc_extended(
        truth_bytes(padded, state->count, kTruthNeighbours) + PG_CACHE_LINE_SIZE, MCXT_ALLOC_HUGE));
    state->truth = reinterpret_cast<Truth *>(CACHELINEALIGN(state->truth));
    begin_truth(state->truth, state->meta.code_metric(), padded, state->prepared, state->count,
                kTruthNeighbours);
    for (uint32 q = 0; q < state->count && !state->from_table; q++)
        set_query_tid(state->truth, q, &state->tids[q]);

    auto *batch = static_cast<Batch *>(palloc0(sizeof(Batch)));
    batch->state = state;
    batch->rows = static_cast<float *>(palloc(kBatchRows * padded * sizeof(float)));
    batch->scratch =
        AllocSetContextCreate(CurrentMemoryContext, "table row", ALLOCSET_DEFAULT_SIZES);
    IndexInfo *info = concurrent_info(state->index);
    const Identity before = become_owner(state->heap);
    table_index_build_scan(state->heap, state->index, info, true, false, show_table_row, batch,
                           nullptr);
    show_batch(batch);
    become_again(before);
    MemoryContextDelete(batch->scratch);
}

} // namespace vx::ivfrabitq
