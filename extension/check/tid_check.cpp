// SPDX-License-Identifier: PostgreSQL
//
// The index's tids, sorted, are merged with the table's rows in the order of their blocks: a row
// that the snapshot sees was there before the index was read, and stays, so its entries must have
// been met. Exact, in maintenance_work_mem; more goes to temporary files.
//
// A tid that leads to no line pointer is only suspect: the row may have been vacuumed since its
// page was read.
#include "pg/postgres.hpp"

#include "check/check.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
}

#include "pg/compat.hpp"
#include "pg/entry.hpp"

#include <algorithm>

namespace vx::check
{

constexpr uint32 kMostSuspects = 65536; // more are not looked at
constexpr uint64 kEnd = ~uint64{0};

// What is sorted: block, offset, list. Offsets of rows are checked before.
constexpr int kOffsetBits = 64 - 32 - kListBits;
static_assert(MaxHeapTuplesPerPage < 1 << kOffsetBits);

/// One row of the index.
struct Entry {
    uint64 tid; // packed; kEnd: behind the last
    uint32 list;
};

struct TidCheck {
    Check *check;
    Tuplesortstate *sort; // if heapallindexed
    Entry next;           // the smallest that was not taken yet
    uint32 copies;
    bool (*can_index)(void *argument, Datum value);
    void *argument;

    MemoryContext scratch; // of can_index()

    // the rows of the table block at hand
    BlockNumber block;
    uint32 rows;
    OffsetNumber offsets[MaxHeapTuplesPerPage];

    // line pointers that can be in an index, of the block looked at last
    bool is_heap;
    BlockNumber table_blocks;
    BlockNumber pointers_block;
    uint32 pointers;
    bool used[MaxHeapTuplesPerPage + 1];

    SuspectSet suspects;
    uint32 capacity;
};

static uint64
pack(const ItemPointerData &tid)
{
    return static_cast<uint64>(ItemPointerGetBlockNumberNoCheck(&tid)) << 16 | tid.ip_posid;
}

static ItemPointerData
unpack(uint64 packed)
{
    ItemPointerData tid;
    ItemPointerSet(&tid, static_cast<BlockNumber>(packed >> 16),
                   static_cast<OffsetNumber>(packed & 0xffff));
    return tid;
}

TidCheck *
begin_tid_check(const Check *check)
{
    auto *tids = static_cast<TidCheck *>(palloc0(sizeof(TidCheck)));
    tids->block = tids->pointers_block = InvalidBlockNumber;
    tids->is_heap = check->heap->rd_rel->relam == HEAP_TABLE_AM_OID;
    tids->capacity = 64;
    tids->suspects.tids = static_cast<uint64 *>(palloc(tids->capacity * sizeof(uint64)));
    if (check->heapallindexed)
        tids->sort = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
                                           maintenance_work_mem, nullptr, TUPLESORT_NONE);
    return tids;
}

// ---- tids that lead nowhere

static void
suspect(TidCheck *tids, uint64 packed)
{
    SuspectSet *set = &tids->suspects;
    if (set->count == kMostSuspects)
        return;
    if (set->count == tids->capacity) {
        tids->capacity *= 2;
        set->tids = static_cast<uint64 *>(repalloc(set->tids, tids->capacity * sizeof(uint64)));
    }
    set->tids[set->count++] = packed;
}

bool
is_suspect(const SuspectSet &suspects, const ItemPointerData &tid)
{
    return std::binary_search(suspects.tids, suspects.tids + suspects.count, pack(tid));
}

/// A version of a row that an update put on its predecessor's page: indexes lead to the first.
static bool
is_heap_only(Page page, ItemId item)
{
    return ItemIdIsNormal(item) && ItemIdGetOffset(item) <= BLCKSZ - SizeofHeapTupleHeader &&
           HeapTupleHeaderIsHeapOnly(reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item)));
}

/// Which line pointers of the block can be in an index, into used[1 ..]; returns how many there
/// are.
static uint32
read_pointers(const Check *check, BlockNumber block, bool *used)
{
    Buffer buffer =
        ReadBufferExtended(check->heap, MAIN_FORKNUM, block, RBM_NORMAL, check->strategy);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    const uint32 most = MaxHeapTuplesPerPage;
    const uint32 count = PageIsNew(page) ? 0 : Min(PageGetMaxOffsetNumber(page), most);
    for (uint32 i = 1; i <= count; i++) {
        ItemId item = PageGetItemId(page, static_cast<OffsetNumber>(i));
        used[i] = ItemIdIsUsed(item) && !is_heap_only(page, item);
    }
    UnlockReleaseBuffer(buffer);
    return count;
}

bool
leads_nowhere(const Check *check, const ItemPointerData &tid)
{
    const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&tid);
    if (block >= RelationGetNumberOfBlocks(check->heap))
        return true;
    if (check->heap->rd_rel->relam != HEAP_TABLE_AM_OID)
        return false;
    bool used[MaxHeapTuplesPerPage + 1];
    return tid.ip_posid > read_pointers(check, block, used) || !used[tid.ip_posid];
}

/// The same without a lock, for tids that come in the order of their blocks.
static bool
seems_to_lead_nowhere(TidCheck *tids, uint64 packed)
{
    const auto block = static_cast<BlockNumber>(packed >> 16);
    const auto offset = static_cast<uint32>(packed & 0xffff);
    if (block >= tids->table_blocks)
        tids->table_blocks = RelationGetNumberOfBlocks(tids->check->heap);
    if (block >= tids->table_blocks)
        return true;
    if (!tids->is_heap)
        return false;
    if (block != tids->pointers_block) {
        CHECK_FOR_INTERRUPTS();
        tids->pointers = read_pointers(tids->check, block, tids->used);
        tids->pointers_block = block;
    }
    return offset > tids->pointers || !tids->used[offset];
}

/// Order of numbers without a sign, as the sort of bigint has it.
static int64
sort_key(uint64 packed, uint32 list)
{
    const uint64 tid = packed >> 16 << kOffsetBits | (packed & 0xffff);
    return static_cast<int64>((tid << kListBits | list) ^ uint64{1} << 63);
}

static Entry
entry_of(int64 sort_key)
{
    const uint64 key = static_cast<uint64>(sort_key) ^ uint64 { 1 } << 63;
    const uint64 tid = key >> kListBits;
    return {tid >> kOffsetBits << 16 | (tid & ((1 << kOffsetBits) - 1)),
            static_cast<uint32>(key & ((1 << kListBits) - 1))};
}

void
note_tid(Check *check, const ItemPointerData &tid, uint32 list)
{
    TidCheck *tids = check->tids;
    const uint64 packed = pack(tid);
    if (tids->sort != nullptr) {
        tuplesort_putdatum(tids->sort, Int64GetDatum(sort_key(packed, list)), false);
        return;
    }
    // too little to read the table for: only what is behind its end
    const auto block = static_cast<BlockNumber>(packed >> 16);
    if (block >= tids->table_blocks)
        tids->table_blocks = RelationGetNumberOfBlocks(check->heap);
    if (block >= tids->table_blocks)
        suspect(tids, packed);
}

// ---- the merge

static void
step(TidCheck *tids)
{
    Datum value;
    bool isnull;
    if (pg::next_sorted_datum(tids->sort, &value, &isnull))
        tids->next = entry_of(DatumGetInt64(value));
    else
        tids->next = {kEnd, 0};
}

/// All entries of the smallest tid.
struct Taken {
    uint32 count;
    int64 twice; // a list that has it more than once; kNone: there is none
};

static Taken
take_tid(TidCheck *tids)
{
    CHECK_FOR_INTERRUPTS();
    Taken taken = {0, kNone};
    const uint64 tid = tids->next.tid;
    if (seems_to_lead_nowhere(tids, tid))
        suspect(tids, tid);
    for (uint32 list = 0; tids->next.tid == tid; step(tids)) {
        if (taken.count++ > 0 && tids->next.list == list)
            taken.twice = list;
        list = tids->next.list;
    }
    return taken;
}

static void
match_row(TidCheck *tids, uint64 row)
{
    while (tids->next.tid < row)
        take_tid(tids);
    const Taken found = tids->next.tid == row ? take_tid(tids) : Taken{0, kNone};
    const ItemPointerData tid = unpack(row);
    const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&tid);
    if (found.count == 0)
        report(tids->check, kNone, kNone, "missing row",
               "row (%u,%u) of the table is not in the index", block, tid.ip_posid);
    else if (found.count > tids->copies || found.twice != kNone)
        report(tids->check, kNone, found.twice, "duplicate row",
               "row (%u,%u) of the table is %u times in the %s", block, tid.ip_posid, found.count,
               found.twice != kNone && found.count <= tids->copies ? "list" : "index");
}

/// Rows of one block come in the order of their versions, not of the places that indexes know.
static void
end_block(TidCheck *tids)
{
    std::sort(tids->offsets, tids->offsets + tids->rows);
    for (uint32 i = 0; i < tids->rows; i++)
        match_row(tids, static_cast<uint64>(tids->block) << 16 | tids->offsets[i]);
    tids->rows = 0;
}

VX_CALLBACK(void, check_table_row,
            (Relation /* index */, ItemPointer tid, Datum *values, bool *isnull, bool /* alive */,
             void *state),
            (nullptr, tid, values, isnull, true, state))
{
    auto *tids = static_cast<TidCheck *>(state);
    MemoryContext previous = MemoryContextSwitchTo(tids->scratch);
    const bool belongs = !isnull[0] && tids->can_index(tids->argument, values[0]);
    MemoryContextSwitchTo(previous);
    MemoryContextReset(tids->scratch);
    if (!belongs)
        return;
    const BlockNumber block = ItemPointerGetBlockNumber(tid);
    if (block != tids->block || tids->rows == MaxHeapTuplesPerPage) {
        end_block(tids);
        tids->block = block;
    }
    tids->offsets[tids->rows++] = ItemPointerGetOffsetNumber(tid);
}

static void
merge_table(TidCheck *tids)
{
    Check *check = tids->check;
    tuplesort_performsort(tids->sort);
    step(tids);
    tids->scratch =
        AllocSetContextCreate(CurrentMemoryContext, "index check row", ALLOCSET_DEFAULT_SIZES);
    IndexInfo *info = BuildIndexInfo(check->index);
    info->ii_Concurrent = true; // the snapshot's rows, and no complaint about others
    // from block 0 on, not where another scan is; the build scan only asserts that we decided
    TableScanDesc scan =
        table_beginscan_strat(check->heap, check->snapshot, 0, nullptr, true, false);
    table_index_build_scan(check->heap, check->index, info, true, false, check_table_row, tids,
                           scan);
    end_block(tids);
    while (tids->next.tid != kEnd)
        take_tid(tids);
    tuplesort_end(tids->sort);
    MemoryContextDelete(tids->scratch);
}

SuspectSet
end_tid_check(Check *check, uint32 copies, bool (*can_index)(void *argument, Datum value),
              void *argument)
{
    TidCheck *tids = check->tids;
    tids->check = check;
    tids->copies = copies;
    tids->can_index = can_index;
    tids->argument = argument;
    if (tids->sort != nullptr)
        merge_table(tids);
    SuspectSet *set = &tids->suspects;
    std::sort(set->tids, set->tids + set->count);
    set->count = static_cast<uint32>(std::unique(set->tids, set->tids + set->count) - set->tids);
    return *set;
}

} // namespace vx::check
