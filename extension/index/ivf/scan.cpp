// SPDX-License-Identifier: PostgreSQL
//
// Scan: the rows of the lists whose centroids are nearest to the query, nearest row first.
//
// The first call of amgettuple computes the distances of all centroids, takes the `probes` nearest
// lists and runs the distance kernel over each of their pages, collecting (distance, tid). With
// ivfflat.iterative_scan = relaxed_order, the next `probes` lists follow when these rows are used
// up, up to ivfflat.max_probes lists; order holds within each such batch.
//
// Candidates are bounded by work_mem. When a batch has more rows than that, the nearest are kept,
// and the same lists are read again when they have been returned. Rows that the snapshot sees do
// not move and are not removed meanwhile, and a kernel gives equal distances for equal rows, so the
// continuation is exact.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "access/relscan.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/spccache.h"
}

#include "index/common/candidates.hpp"
#include "index/common/existing_block.hpp"
#include "index/common/prefetch.hpp"
#include "index/common/rows.hpp"
#include "index/common/tid_set.hpp"
#include "index/ivf/callbacks.hpp"
#include "index/ivf/centroids.hpp"
#include "index/ivf/lists.hpp"
#include "index/ivf/options.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"

#include <algorithm>

namespace vx::ivf
{

using index::Candidate;
using index::Candidates;

struct ListDistance {
    float distance;
    uint32 list;
};

static bool
farther(const ListDistance &a, const ListDistance &b) noexcept
{
    return a.distance != b.distance ? a.distance > b.distance : a.list > b.list;
}

/// Asks the kernel to read ahead, but only once a page was not in shared buffers: in the warm case
/// a look-up per page is saved.
struct ReadAhead {
    int window; // pages; 0: off
    int64 misses_seen;
    int hits_in_row;
    bool active;
};

constexpr int kMaxReadAhead = 64;

struct ScanState {
    Meta meta;
    MemoryContext context; // of this struct's arrays
    bool started;
    uint32 probes;
    uint32 max_probes;

    float *query; // nullptr: a NULL query, all distances are zero
    float *query_memory;
    ListDistance *lists; // a heap: the nearest list not yet taken is at its front
    uint32 lists_left;
    uint32 lists_taken;
    uint32 *batch; // lists of this batch
    uint32 batch_size;

    Candidates candidates;
    size_t max_far_capacity;
    float *page_distances;
    FileEnd end;
    index::TableEnd table_end;
    index::TidSet returned; // a damaged index may have a row twice
    ReadAhead read_ahead;
};

static_assert(std::is_trivially_destructible_v<ScanState>);

// ---- rows of a page

static void
make_room(ScanState *state, uint32 rows)
{
    Candidates &candidates = state->candidates;
    while (!candidates.has_room(rows)) {
        const size_t capacity = candidates.far_capacity();
        if (capacity < state->max_far_capacity) {
            const size_t larger = Min(capacity * 2, state->max_far_capacity);
            candidates.set_far(static_cast<Candidate *>(
                                   repalloc_huge(candidates.far(), larger * sizeof(Candidate))),
                               larger);
        } else {
            candidates.forget_farthest();
        }
    }
}

/// REQUIRES: the buffer is share-locked and checked.
static void
collect_page(ScanState *state, Page page)
{
    const Meta &meta = state->meta;
    const uint32 count = page::content<page::RowPage>(page)->count;
    float *distances = state->page_distances;

    if (state->query != nullptr) {
        const auto *rows = reinterpret_cast<const float *>(page + meta.page.rows_offset);
        index::batch_distance(meta.metric())(state->query, rows,
                                             meta.page.row_bytes / sizeof(float), count,
                                             meta.page.dimensions, distances);
        if (index::is_similarity(meta.metric()))
            for (uint32 i = 0; i < count; i++)
                distances[i] = -distances[i];
    } else {
        memset(distances, 0, count * sizeof(float));
    }

    const ItemPointerData *tids = page::tids(page);
    for (uint32 i = 0; i < count; i++)
        if (page::is_live(tids[i]))
            state->candidates.add(distances[i], ItemPointerGetBlockNumberNoCheck(&tids[i]),
                                  tids[i].ip_posid);
}

// ---- pages of a list

static void
read_ahead(ReadAhead *ahead, Relation index, const ListCursor &cursor)
{
    if (ahead->window == 0)
        return;
    const int64 misses = pgBufferUsage.shared_blks_read;
    const bool begins = misses != ahead->misses_seen && !ahead->active;
    if (misses != ahead->misses_seen) {
        ahead->misses_seen = misses;
        ahead->hits_in_row = 0;
        ahead->active = true;
    } else if (++ahead->hits_in_row > 2 * ahead->window) {
        ahead->active = false;
    }
    if (!ahead->active)
        return;
    const int last = ahead->window - 1;
    for (int i = begins ? 0 : last; i <= last; i++) {
        const BlockNumber block = cursor.peek(static_cast<uint32>(i));
        if (block != InvalidBlockNumber)
            PrefetchBuffer(index, MAIN_FORKNUM, block);
    }
}

/// The processor's own prefetchers stop at 4 KB boundaries: start them on both halves of the page
/// that is read next, while this one is computed.
static inline void
touch_ahead(Page page, uint32 rows_offset)
{
    index::fetch_ahead<1>(page);
    index::fetch_ahead<8>(page + rows_offset);
    index::fetch_ahead<8>(page + BLCKSZ / 2);
}

static Buffer
read_next(Relation index, ListCursor *cursor)
{
    const BlockNumber block = cursor->next();
    return block != InvalidBlockNumber ? read_page(index, block) : InvalidBuffer;
}

static void
collect_list(ScanState *state, Relation index, uint32 list)
{
    ListCursor cursor(index, state->meta, &state->end, list);
    Buffer next = read_next(index, &cursor);

    while (BufferIsValid(next)) {
        CHECK_FOR_INTERRUPTS();
        read_ahead(&state->read_ahead, index, cursor);
        make_room(state, state->meta.page.row_capacity);

        const Buffer buffer = next;
        next = InvalidBuffer;
        if (cursor.next_is_known()) {
            next = read_next(index, &cursor);
            touch_ahead(BufferGetPage(next), state->meta.page.rows_offset);
        }
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        check_row_page(index, state->meta, buffer, list);
        Page page = BufferGetPage(buffer);
        cursor.saw_page(page::content<page::RowPage>(page));
        collect_page(state, page);
        UnlockReleaseBuffer(buffer);
        if (!BufferIsValid(next))
            next = read_next(index, &cursor);
    }
}

// ---- batches of lists

static void
collect_batch(ScanState *state, Relation index)
{
    for (uint32 i = 0; i < state->batch_size; i++)
        collect_list(state, index, state->batch[i]);
}

/// Takes the next `probes` nearest lists. False when max_probes lists have been taken.
static bool
next_batch(ScanState *state, Relation index)
{
    state->batch_size = 0;
    while (state->batch_size < state->probes && state->lists_taken < state->max_probes) {
        std::pop_heap(state->lists, state->lists + state->lists_left, farther);
        state->batch[state->batch_size++] = state->lists[--state->lists_left].list;
        state->lists_taken++;
    }
    if (state->batch_size == 0)
        return false;
    state->candidates.restart();
    collect_batch(state, index);
    return true;
}

static void
rank_lists(ScanState *state, Relation index)
{
    const uint32 count = state->meta.page.lists;
    auto *distances =
        static_cast<float *>(MemoryContextAllocZero(state->context, count * sizeof(float)));
    if (state->query != nullptr)
        list_distances(index, state->meta, state->query, distances);
    for (uint32 i = 0; i < count; i++)
        state->lists[i] = {distances[i], i};
    pfree(distances);
    std::make_heap(state->lists, state->lists + count, farther);
    state->lists_left = count;
    state->lists_taken = 0;
}

// ---- the callbacks

static void
read_settings(ScanState *state)
{
    const uint32 lists = state->meta.page.lists;
    state->probes = Min(static_cast<uint32>(probes()), lists);
    state->max_probes = state->probes;
    if (iterative_scan() != IterativeScan::off)
        state->max_probes =
            Min(static_cast<uint32>(Max(max_probes(), static_cast<int>(state->probes))), lists);
}

VX_CALLBACK(IndexScanDesc, ivf_begin_scan, (Relation index, int keys, int order_bys),
            (index, keys, order_bys))
{
    IndexScanDesc scan = RelationGetIndexScan(index, keys, order_bys);
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vector ivf: scan", ALLOCSET_DEFAULT_SIZES);
    MemoryContext previous = MemoryContextSwitchTo(context);

    auto *state = static_cast<ScanState *>(palloc0(sizeof(ScanState)));
    state->context = context;
    state->meta = get_meta(index);
    read_settings(state);
    const page::MetaPage &meta = state->meta.page;
    state->query_memory = static_cast<float *>(palloc(meta.row_bytes));
    state->lists = static_cast<ListDistance *>(palloc(meta.lists * sizeof(ListDistance)));
    state->batch = static_cast<uint32 *>(palloc(state->probes * sizeof(uint32)));
    state->page_distances = static_cast<float *>(palloc(meta.row_capacity * sizeof(float)));
    state->max_far_capacity =
        Max(static_cast<size_t>(work_mem) * 1024 / sizeof(Candidate), Candidates::kMinFarCapacity);
    state->candidates.initialise(
        static_cast<Candidate *>(palloc(Candidates::kNearCapacity * sizeof(Candidate))),
        static_cast<Candidate *>(palloc(Candidates::kMinFarCapacity * sizeof(Candidate))),
        Candidates::kMinFarCapacity);
    state->returned.initialise(context);
    state->read_ahead.window =
        Min(get_tablespace_io_concurrency(index->rd_rel->reltablespace), kMaxReadAhead);

    MemoryContextSwitchTo(previous);
    scan->opaque = state;
    return scan;
}

VX_CALLBACK(void, ivf_rescan,
            (IndexScanDesc scan, ScanKey keys, int /* key_count */, ScanKey order_bys,
             int /* order_by_count */),
            (scan, keys, 0, order_bys, 0))
{
    static_cast<ScanState *>(scan->opaque)->started = false;
    if (keys != nullptr && scan->numberOfKeys > 0)
        memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
    if (order_bys != nullptr && scan->numberOfOrderBys > 0)
        memmove(scan->orderByData, order_bys, scan->numberOfOrderBys * sizeof(ScanKeyData));
}

static void
take_query(ScanState *state, const ScanKeyData &key)
{
    if (key.sk_flags & SK_ISNULL) {
        state->query = nullptr;
        return;
    }
    MemoryContext previous = MemoryContextSwitchTo(state->context);
    state->query = state->query_memory;
    // a query without direction becomes all zeroes: every row is equally near
    index::make_row(key.sk_argument, static_cast<int32>(state->meta.page.dimensions),
                    state->meta.metric() == index::Metric::cosine, state->query);
    MemoryContextSwitchTo(previous);
}

static void
start_scan(IndexScanDesc scan, ScanState *state)
{
    pgstat_count_index_scan(scan->indexRelation);
    pg::count_index_search(scan);

    if (scan->orderByData == nullptr)
        elog(ERROR, "cannot scan ivfflat index without order");
    if (!IsMVCCSnapshot(scan->xs_snapshot)) // rows are not pinned while they wait to be returned
        elog(ERROR, "non-MVCC snapshots are not supported with ivfflat");

    take_query(state, scan->orderByData[0]);
    state->end = FileEnd{};
    state->returned.clear();
    state->read_ahead.misses_seen = pgBufferUsage.shared_blks_read;
    state->read_ahead.active = false;
    rank_lists(state, scan->indexRelation);
    next_batch(state, scan->indexRelation);
    state->started = true;
}

VX_CALLBACK(bool, ivf_get_tuple, (IndexScanDesc scan, [[maybe_unused]] ScanDirection direction),
            (scan, direction))
{
    auto *state = static_cast<ScanState *>(scan->opaque);
    Assert(ScanDirectionIsForward(direction)); // PostgreSQL has no backward scan by operator
    if (!state->started)
        start_scan(scan, state);

    Candidate candidate;
    do {
        while (!state->candidates.pop(&candidate)) {
            if (state->candidates.lost_some()) {
                state->candidates.resume_after_last();
                collect_batch(state, scan->indexRelation);
            } else if (!next_batch(state, scan->indexRelation)) {
                return false;
            }
        }
        ItemPointerSet(&scan->xs_heaptid, candidate.block, candidate.offset);
    } while (!state->returned.add(scan->xs_heaptid));
    state->table_end.check(scan->indexRelation, scan->heapRelation, candidate.block);
    scan->xs_recheck = false;
    scan->xs_recheckorderby = false;
    return true;
}

VX_CALLBACK(void, ivf_end_scan, (IndexScanDesc scan), (scan))
{
    MemoryContextDelete(static_cast<ScanState *>(scan->opaque)->context);
    scan->opaque = nullptr;
}

void
install_scan(IndexAmRoutine *routine)
{
    routine->ambeginscan = ivf_begin_scan;
    routine->amrescan = ivf_rescan;
    routine->amgettuple = ivf_get_tuple;
    routine->amendscan = ivf_end_scan;
}

} // namespace vx::ivf
