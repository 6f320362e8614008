// SPDX-License-Identifier: PostgreSQL
//
// Rows: which slots have one, and where in the table it is.
#include "pg/postgres.hpp"

#include "check/ivfrabitq.hpp"

extern "C" {
#include "access/htup_details.h"
#include "miscadmin.h"
}

#include "index/common/same_tid.hpp"
#include "index/ivfrabitq/options.hpp"

namespace vx::check::rabitq
{

static_assert(int64{ivfrabitq::kMaxLists} * 5 / 4 + 128 < int64{1} << kListBits);

static uint16
add_of(const Walk *walk, uint32 slot)
{
    const uint8 *group = page::group(walk->meta.page, walk->page, slot / kGroupRows);
    return reinterpret_cast<const uint16 *>(group +
                                            page::add_offset(walk->meta.page))[slot % kGroupRows];
}

static const char *
row_problem(const Walk *walk, const ItemPointerData &tid, uint32 slot, uint32 end)
{
    if (slot >= end)
        return "lies behind the end of its slice";
    if (add_of(walk, slot) == kernel::kNoRowAdd)
        return "cannot be found: its code says that there is no row";
    if (ItemPointerGetBlockNumberNoCheck(&tid) == InvalidBlockNumber ||
        tid.ip_posid > MaxHeapTuplesPerPage)
        return "leads to no place that a table can have";
    return nullptr;
}

/// The slot with a row. False: it was told about.
static bool
check_row(Walk *walk, BlockNumber block, const page::Slice &slice, uint32 slot)
{
    const ItemPointerData tid = page::tids(walk->meta.page, walk->page)[slot];
    const uint32 end = slice.first_group * kGroupRows + slice.count;
    const char *problem = row_problem(walk, tid, slot, end);
    if (problem != nullptr) {
        report(walk->check, block, slice.list, "row", "row (%u,%u) in slot %u %s",
               ItemPointerGetBlockNumberNoCheck(&tid), tid.ip_posid, slot, problem);
        return false;
    }
    if (existed(walk, slice.list)) {
        note_tid(walk->check, tid, slice.list);
        if (walk->check->deep)
            check_codes(walk, block, slice.list, slot);
    }
    return true;
}

void
check_slots(Walk *walk, BlockNumber block, const page::Slice &slice)
{
    CHECK_FOR_INTERRUPTS();
    const ItemPointerData *tids = page::tids(walk->meta.page, walk->page);
    const uint32 first = slice.first_group * kGroupRows;
    uint32 free = 0;
    for (uint32 slot = first; slot < first + slice.groups * kGroupRows; slot++) {
        if (page::is_live(tids[slot])) {
            check_row(walk, block, slice, slot);
            continue;
        }
        free += slot < first + slice.count;
        if (add_of(walk, slot) != kernel::kNoRowAdd)
            report(walk->check, block, slice.list, "row",
                   "slot %u has no row, but its code can be found", slot);
    }
    if (free != slice.dead)
        report(walk->check, block, slice.list, "slice",
               "a slice with %u free slots counts %u of them", free, slice.dead);
}

// ---- tids that lead nowhere

struct SuspectSlot {
    Walk *walk;
    BlockNumber block;
    uint32 number; // of the slice
    uint32 slot;
    page::Slice slice;
    ItemPointerData tid;
    bool certain; // out
};

/// With the directory page and the scan page locked: vacuum clears a tid before its line pointer
/// can be free.
static void
confirm_body(void *argument)
{
    auto *suspect = static_cast<SuspectSlot *>(argument);
    Walk *walk = suspect->walk;
    Relation index = walk->check->index;
    Buffer directory =
        ReadBuffer(index, ivfrabitq::directory_block(walk->meta, suspect->slice.list));
    LockBuffer(directory, BUFFER_LOCK_SHARE);
    Buffer buffer = ReadBuffer(index, suspect->block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    ItemPointerData now = page::tids(walk->meta.page, page)[suspect->slot];
    suspect->certain =
        exists_still(walk, suspect->slice.list,
                     *entry_in(walk, BufferGetPage(directory), suspect->slice.list)) &&
        suspect->number < page::content<page::ScanPage>(page)->slice_count &&
        page::slices(page)[suspect->number].list == suspect->slice.list &&
        index::is_same_tid(now, suspect->tid) && leads_nowhere(walk->check, suspect->tid);
    UnlockReleaseBuffer(buffer);
    UnlockReleaseBuffer(directory);
}

static void
check_suspect(SuspectSlot *suspect)
{
    suspect->certain = false;
    if (!attempt(suspect->walk->check, suspect->block, "unreadable", confirm_body, suspect) ||
        !suspect->certain)
        return;
    report(suspect->walk->check, suspect->block, suspect->slice.list, "dangling row",
           "row (%u,%u) in slot %u is not in the table",
           ItemPointerGetBlockNumberNoCheck(&suspect->tid), suspect->tid.ip_posid, suspect->slot);
}

static void
check_suspect_page(Walk *walk, BlockNumber block, const SuspectSet &suspects)
{
    const uint32 count = page::content<page::ScanPage>(walk->page)->slice_count;
    for (uint32 i = 0; i < count; i++) {
        SuspectSlot suspect = {walk, block, i, 0, page::slices(walk->page)[i], {}, false};
        if (suspect.slice.list == page::kNoList || !existed(walk, suspect.slice.list))
            continue;
        const uint32 first = suspect.slice.first_group * kGroupRows;
        for (suspect.slot = first; suspect.slot < first + suspect.slice.count; suspect.slot++) {
            suspect.tid = page::tids(walk->meta.page, walk->page)[suspect.slot];
            if (page::is_live(suspect.tid) && is_suspect(suspects, suspect.tid))
                check_suspect(&suspect);
        }
    }
}

void
check_suspects(Walk *walk, const SuspectSet &suspects)
{
    for (BlockNumber block = walk->meta.page.first_scan; suspects.count > 0 && block < walk->blocks;
         block++)
        if (ivfrabitq::is_scan_block(walk->meta, block) && !is_damaged(walk, block) &&
            copy_page(walk->check, block, walk->page) && scan_page_problem(walk) == nullptr)
            check_suspect_page(walk, block, suspects);
}

} // namespace vx::check::rabitq
