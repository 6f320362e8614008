// SPDX-License-Identifier: PostgreSQL
//
// Walks a whole index and raises at the first thing that README.md's invariants do not allow: every
// list's slices, counts, each row once, and the codes equal to what its vector in the table gives.
#include "pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/store.hpp"
#include "pg/entry.hpp"

#include <algorithm>

namespace vx::ivfrabitq
{

struct IndexCheck {
    Relation index;
    Meta meta;
    IndexInfo *info;
    EState *estate;
    IndexFetchTableData *fetch;
    TupleTableSlot *slot;
    MemoryContext scratch;
    Encoder encoder;
    float *row;
    int8 *centre;
    float scale;
    RowCode *expected;
    char *page;   // a copy of the scan page at hand
    uint64 *tids; // met so far
    uint64 count;
    uint64 capacity;
};

// ---- one row

/// The row's codes as its vector in the table gives them. False: the table has no such row.
static bool
encode_from_table(IndexCheck *check, ItemPointerData tid)
{
    bool again = false;
    bool all_dead = false;
    if (!table_index_fetch_tuple(check->fetch, &tid, SnapshotAny, check->slot, &again, &all_dead))
        return false;
    Datum values[INDEX_MAX_KEYS];
    bool isnull[INDEX_MAX_KEYS];
    GetPerTupleExprContext(check->estate)->ecxt_scantuple = check->slot;
    FormIndexDatum(check->info, check->slot, check->estate, values, isnull);
    if (isnull[0] || !prepare_row(&check->encoder, values[0], check->row))
        return false;
    encode_row(&check->encoder, check->row, check->centre, check->scale, check->expected);
    store_filter_values(check->index, check->meta, values, isnull, check->expected);
    return true;
}

static void
check_fine(IndexCheck *check, BlockNumber block, const page::ScanPage &header, uint32 slot)
{
    const page::MetaPage &meta = check->meta.page;
    Buffer buffer = lock_fine_page(check->index, check->meta, header, slot, block);
    const char *record = BufferGetPage(buffer) + page::kFineOffset +
                         (header.fine_slot + slot) % meta.fine_per_page * meta.fine_bytes;
    const float factors[2] = {check->expected->factors.fine_add,
                              check->expected->factors.fine_rescale};
    if (memcmp(record, factors, sizeof(factors)) != 0 ||
        memcmp(record + sizeof(factors), fine_code(check->meta, check->expected),
               meta.padded / 2) != 0)
        report_corrupted(check->index, BufferGetBlockNumber(buffer),
                         "a fine code is not its row's");
    UnlockReleaseBuffer(buffer);
}

static void
check_filter_values(IndexCheck *check, BlockNumber block, const uint8 *group, uint32 slot)
{
    const uint8 *value = filter_values(check->meta, check->expected);
    for (uint32 i = 0; i < check->meta.page.filter_columns; i++) {
        const page::FilterColumn &column = check->meta.page.filters[i];
        uint32 nulls;
        memcpy(&nulls, group + column.nulls_offset, sizeof(nulls));
        if ((nulls >> slot & 1) != (check->expected->nulls >> i & 1U) ||
            memcmp(group + column.values_offset + slot * column.width, value, column.width) != 0)
            report_corrupted(check->index, block, "a filter value is not its row's");
        value += column.width;
    }
}

static void
check_row(IndexCheck *check, BlockNumber block, uint32 slot)
{
    const page::MetaPage &meta = check->meta.page;
    const uint8 *group = page::group(meta, check->page, slot / kGroupRows);
    const uint32 in_group = slot % kGroupRows;
    uint8 bits[kernel::kMaxScanDimensions / 8];
    kernel::get_scan_code(check->meta.shape(), group, in_group, bits);
    const auto *adds = reinterpret_cast<const uint16 *>(group + page::add_offset(meta));
    const auto *rescales = reinterpret_cast<const uint16 *>(group + page::rescale_offset(meta));
    const RowCode *expected = check->expected;
    if (memcmp(bits, scan_code(check->expected), meta.scan_dimensions / 8) != 0 ||
        adds[in_group] != expected->factors.scan_add ||
        rescales[in_group] != expected->factors.scan_rescale)
        report_corrupted(check->index, block, "a scan code is not its row's");
    check_filter_values(check, block, group, in_group);
    check_fine(check, block, *page::content<page::ScanPage>(check->page), slot);
}

static void
note_tid(IndexCheck *check, const ItemPointerData &tid)
{
    if (check->count == check->capacity) {
        check->capacity *= 2;
        check->tids =
            static_cast<uint64 *>(repalloc_huge(check->tids, check->capacity * sizeof(uint64)));
    }
    check->tids[check->count++] =
        static_cast<uint64>(ItemPointerGetBlockNumberNoCheck(&tid)) << 16 | tid.ip_posid;
}

// ---- one slice

static void
check_slot(IndexCheck *check, BlockNumber block, const page::Slice &slice, uint32 slot,
           uint32 *dead)
{
    const page::MetaPage &meta = check->meta.page;
    const ItemPointerData tid = page::tids(meta, check->page)[slot];
    if (page::is_live(tid)) {
        if (slot >= slice.first_group * kGroupRows + slice.count)
            report_corrupted(check->index, block, "a row lies beyond the end of its slice");
        note_tid(check, tid);
        if (encode_from_table(check, tid))
            check_row(check, block, slot);
        return;
    }
    const auto *adds = reinterpret_cast<const uint16 *>(
        page::group(meta, check->page, slot / kGroupRows) + page::add_offset(meta));
    if (adds[slot % kGroupRows] != kernel::kNoRowAdd)
        report_corrupted(check->index, block, "a free slot can be found");
    *dead += slot < slice.first_group * kGroupRows + slice.count;
}

/// Returns where the list goes on.
static page::SlicePointer
check_one_slice(IndexCheck *check, page::SlicePointer where, uint32 list)
{
    CHECK_FOR_INTERRUPTS();
    Buffer buffer = lock_page(check->index, where.block, BUFFER_LOCK_SHARE);
    check_scan_page(check->index, check->meta, buffer);
    const page::Slice slice = *check_slice(check->index, check->meta, buffer, where.slice, list);
    memcpy(check->page, BufferGetPage(buffer), BLCKSZ);
    UnlockReleaseBuffer(buffer);

    uint32 dead = 0;
    MemoryContext previous = MemoryContextSwitchTo(check->scratch);
    const uint32 first = slice.first_group * kGroupRows;
    for (uint32 slot = first; slot < first + slice.groups * kGroupRows; slot++) {
        check_slot(check, where.block, slice, slot, &dead);
        MemoryContextReset(check->scratch);
        ResetPerTupleExprContext(check->estate);
    }
    MemoryContextSwitchTo(previous);
    if (dead != slice.dead)
        report_corrupted(check->index, where.block, "free slots are miscounted");
    return slice.next;
}

// ---- one list

static void
check_free_chain(IndexCheck *check, uint32 list, page::SlicePointer where)
{
    for (uint64 met = 0; page::is_valid(where); met++) {
        CHECK_FOR_INTERRUPTS();
        if (!is_scan_block(check->meta, where.block) ||
            met > RelationGetNumberOfBlocks(check->index) * uint64{255})
            report_corrupted(check->index, directory_block(check->meta, list),
                             "the free chain leads nowhere");
        Buffer buffer = lock_page(check->index, where.block, BUFFER_LOCK_SHARE);
        const page::Slice slice =
            *check_slice(check->index, check->meta, buffer, where.slice, list);
        UnlockReleaseBuffer(buffer);
        if (!(slice.flags & page::kInFreeChain))
            report_corrupted(check->index, where.block,
                             "a slice of the free chain is not marked as such");
        where = slice.next_free;
    }
}

static void
check_list(IndexCheck *check, uint32 list)
{
    const page::ListEntry entry = read_list_entry(check->index, check->meta, list);
    read_centroid(check->index, check->meta, list, check->centre, &check->scale);
    for (uint32 i = 0; i < entry.run_pages; i++)
        check_one_slice(check, {entry.run_start + i, 0}, list);
    page::SlicePointer last = page::kNoSlice;
    for (page::SlicePointer next = entry.first; page::is_valid(next);) {
        if (!is_scan_block(check->meta, next.block))
            report_corrupted(check->index, directory_block(check->meta, list),
                             "a link leads out of the scan pages");
        last = next;
        next = check_one_slice(check, next, list);
    }
    if (last.block != entry.tail.block || last.slice != entry.tail.slice)
        report_corrupted(check->index, directory_block(check->meta, list),
                         "a list does not end at its last slice");
    check_free_chain(check, list, entry.free);
}

static void
check_once(IndexCheck *check)
{
    std::sort(check->tids, check->tids + check->count);
    const uint64 *twice = std::adjacent_find(check->tids, check->tids + check->count);
    if (twice != check->tids + check->count && check->meta.page.spill_ratio == 0)
        report_corrupted(check->index, 0, "a row is in two lists");
}

static void
begin_check(IndexCheck *check, Relation index, Relation heap)
{
    check->index = index;
    check->meta = read_meta(index);
    check->info = BuildIndexInfo(index);
    check->estate = CreateExecutorState();
    check->fetch = table_index_fetch_begin(heap);
    check->slot = table_slot_create(heap, nullptr);
    check->scratch =
        AllocSetContextCreate(CurrentMemoryContext, "ivfrabitq check", ALLOCSET_DEFAULT_SIZES);
    const Size padded = check->meta.page.padded;
    auto *mean = static_cast<float *>(palloc(padded * sizeof(float)));
    memcpy(mean, get_mean(index, check->meta), padded * sizeof(float));
    make_encoder(&check->meta, mean, &check->encoder);
    check->row = static_cast<float *>(palloc(padded * sizeof(float)));
    check->centre = static_cast<int8 *>(palloc(padded));
    check->expected = static_cast<RowCode *>(palloc0(row_code_bytes(check->meta)));
    check->page = static_cast<char *>(palloc(BLCKSZ));
    check->capacity = 1024;
    check->tids = static_cast<uint64 *>(palloc(check->capacity * sizeof(uint64)));
}

static void
end_check(IndexCheck *check)
{
    table_index_fetch_end(check->fetch);
    ExecDropSingleTupleTableSlot(check->slot);
    FreeExecutorState(check->estate);
}

} // namespace vx::ivfrabitq

/// ivfrabitq_check_index(regclass) returns bigint: the rows of the index. For tests; only
/// superusers, since it evaluates the index's expressions.
VX_FUNCTION(ivfrabitq_check_index)
{
    using namespace vx::ivfrabitq;
    if (!superuser())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be superuser to check an index")));
    Relation index = index_open(PG_GETARG_OID(0), ShareUpdateExclusiveLock);
    Relation heap = table_open(IndexGetRelation(RelationGetRelid(index), false), AccessShareLock);
    IndexCheck check = {};
    begin_check(&check, index, heap);
    for (uint32 list = 0; list < check.meta.page.lists; list++)
        if (page::exists_in(read_list_entry(index, check.meta, list),
                            check.meta.page.structure_version))
            check_list(&check, list);
    check_once(&check);
    end_check(&check);
    table_close(heap, AccessShareLock);
    index_close(index, ShareUpdateExclusiveLock);
    PG_RETURN_INT64(static_cast<int64>(check.count));
}
