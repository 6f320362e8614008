// SPDX-License-Identifier: PostgreSQL
//
// Rows of the table for the rerank.
//
// A heap is read directly: with this backend's memory of where pages are (a look-up of a buffer and
// the pruning that a fetch through the table access method's interface begins with wait for memory
// several times per row), and with rows on their way before they are needed. The executor fetches
// the rows that it gets in the ordinary way, but finds their pages pinned. Other tables, and
// expressions, go through the interface.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/search.hpp"

extern "C" {
#include "access/heapam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
}

#include "index/common/existing_block.hpp"
#include "index/common/index_cache.hpp"

namespace vx::ivfrabitq
{

constexpr uint32 kRowLines = 8; // of a row that are fetched ahead; the processor foresees the rest
constexpr uint32 kMostAhead = 64; // rows

static AttrNumber
key_column(const Search *search)
{
    return search->index->rd_index->indkey.values[0];
}

void
open_table(Search *search)
{
    if (search->scratch != nullptr)
        return;
    search->scratch =
        AllocSetContextCreate(search->context, "vector ivfrabitq: rerank", ALLOCSET_DEFAULT_SIZES);
    search->is_heap =
        search->heap->rd_tableam == GetHeapamTableAmRoutine() && key_column(search) > 0;
    if (search->is_heap)
        return;
    search->fetch = table_index_fetch_begin(search->heap);
    search->slot = table_slot_create(search->heap, nullptr);
    if (key_column(search) == 0) {
        search->expressions = BuildIndexInfo(search->index);
        search->estate = CreateExecutorState();
    }
}

// ---- ahead

/// The row's line pointer in a page that may be another's by now; nullptr: it has none.
static const ItemIdData *
line_pointer(const char *page, const ItemPointerData &tid)
{
    const Size offset = SizeOfPageHeaderData + (tid.ip_posid - Size{1}) * sizeof(ItemIdData);
    return offset + sizeof(ItemIdData) <= BLCKSZ
               ? reinterpret_cast<const ItemIdData *>(page + offset)
               : nullptr;
}

void
expect_rows(const Search *search, const Estimate *rows, uint32 count)
{
    const char *pages[kMostAhead];
    if (!search->is_heap)
        return;
    count = Min(count, kMostAhead);
    for (uint32 i = 0; i < count; i++) {
        pages[i] =
            index::expect_table_page(search->index, ItemPointerGetBlockNumberNoCheck(&rows[i].tid));
        if (pages[i] != nullptr) {
            __builtin_prefetch(pages[i]);
            __builtin_prefetch(line_pointer(pages[i], rows[i].tid));
        }
    }
    for (uint32 i = 0; i < count; i++) {
        const ItemIdData *line =
            pages[i] != nullptr ? line_pointer(pages[i], rows[i].tid) : nullptr;
        const uint32 start = line != nullptr ? line->lp_off : 0; // 15 bits: within a page of 8 kB
        for (uint32 j = 0; start > 0 && j < kRowLines; j++)
            if (start + j * page::kCacheLine < BLCKSZ)
                __builtin_prefetch(pages[i] + start + j * page::kCacheLine);
    }
}

// ---- one row

/// As heapam's index_fetch_tuple, but for the pruning.
static bool
fetch_from_heap(Search *search, ItemPointerData tid, Datum *value)
{
    release_rows(search);
    search->table_buffer = index::read_cached_table_page(search->index, search->heap,
                                                         ItemPointerGetBlockNumberNoCheck(&tid));
    HeapTupleData tuple;
    LockBuffer(search->table_buffer, BUFFER_LOCK_SHARE);
    const bool found = heap_hot_search_buffer(&tid, search->heap, search->table_buffer,
                                              search->snapshot, &tuple, nullptr, true);
    LockBuffer(search->table_buffer, BUFFER_LOCK_UNLOCK);
    if (!found)
        return false;
    bool isnull;
    *value = heap_getattr(&tuple, key_column(search), RelationGetDescr(search->heap), &isnull);
    return !isnull;
}

static bool
fetch_from_table(Search *search, ItemPointerData tid, Datum *value)
{
    search->table_end.check(search->index, search->heap, ItemPointerGetBlockNumberNoCheck(&tid));
    bool call_again = false;
    bool all_dead = false;
    if (!table_index_fetch_tuple(search->fetch, &tid, search->snapshot, search->slot, &call_again,
                                 &all_dead))
        return false;
    bool isnull;
    if (search->estate == nullptr) {
        *value = slot_getattr(search->slot, key_column(search), &isnull);
        return !isnull;
    }
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    ResetPerTupleExprContext(search->estate);
    GetPerTupleExprContext(search->estate)->ecxt_scantuple = search->slot;
    FormIndexDatum(search->expressions, search->slot, search->estate, values, nulls);
    *value = values[0];
    return !nulls[0];
}

bool
fetch_value(Search *search, const ItemPointerData &tid, Datum *value)
{
    return search->is_heap ? fetch_from_heap(search, tid, value)
                           : fetch_from_table(search, tid, value);
}

void
offer_row(IndexScanDesc scan, const Search *search, const ItemPointerData &tid)
{
    if (!search->is_heap || scan->xs_heapfetch == nullptr ||
        scan->xs_heapfetch->rel->rd_tableam != GetHeapamTableAmRoutine())
        return;
    auto *fetch = reinterpret_cast<IndexFetchHeapData *>(scan->xs_heapfetch);
    const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&tid);
    if (BufferIsValid(fetch->xs_cbuf)) {
        if (BufferGetBlockNumber(fetch->xs_cbuf) == block)
            return;
        ReleaseBuffer(fetch->xs_cbuf);
    }
    fetch->xs_cbuf = InvalidBuffer; // should the next line raise an error
    fetch->xs_cbuf = index::read_cached_table_page(search->index, search->heap, block);
}

void
release_rows(Search *search)
{
    if (BufferIsValid(search->table_buffer))
        ReleaseBuffer(search->table_buffer);
    search->table_buffer = InvalidBuffer;
    if (search->fetch != nullptr) {
        table_index_fetch_reset(search->fetch);
        ExecClearTuple(search->slot);
    }
}

void
close_table(Search *search)
{
    release_rows(search);
    if (search->fetch != nullptr)
        table_index_fetch_end(search->fetch);
    if (search->slot != nullptr)
        ExecDropSingleTupleTableSlot(search->slot);
    if (search->estate != nullptr)
        FreeExecutorState(search->estate);
}

} // namespace vx::ivfrabitq
