// SPDX-License-Identifier: PostgreSQL
//
// Writing rows into lists: the free chain.
//
//     place_row:   loop
//                      share-lock directory page; head := entry.free; unlock
//                      if head: lock its page; if the slice has room: store the row; done
//                      lock directory page exclusive; head := entry.free    -- it may have moved
//                      if head: lock its page; if the slice has room: store the row; done
//                               take the full slice out of the chain        -- one edit, 2 pages
//                      else grow the list by the row                        -- one edit, <= 4 pages
//
// A slice takes rows only while it is in the free chain, kInFreeChain: so a split that takes the
// chain apart has stopped all inserts into the list. Full slices stay in the chain until they come
// to its head; so the common insert touches a scan page and a fine page.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/grow.hpp"
#include "index/ivfrabitq/store.hpp"
#include "wal_hooks/fault.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vx::ivfrabitq
{

using wal::PageEdit;

constexpr char kNotMarked[] = "a slice of the free chain is not marked as such";

enum class Outcome { stored, full, not_taking };

/// Stores the row in the slice if it takes rows and has room. The page is exclusively locked.
static Outcome
store_in_slice(Relation index, const Meta &meta, Buffer buffer, uint32 number, uint32 list,
               RowCode *row)
{
    page::Slice slice = *check_slice(index, meta, buffer, number, list);
    if (!(slice.flags & page::kInFreeChain))
        return Outcome::not_taking;
    if (!has_room(slice))
        return Outcome::full;

    const uint32 slot = take_free_slot(index, meta, buffer, &slice);
    const page::ScanPage header = *page::content<page::ScanPage>(BufferGetPage(buffer));
    Buffer fine = lock_fine_page(index, meta, header, slot);

    PageEdit edit(index);
    const StagedPage page = stage_page(&edit, buffer, false, page::Kind::scan);
    stage_row(&edit, page, fine, meta, {header, number, slice, slot}, row);
    edit.apply();
    VX_FAULT(ivfrabitq_row_stored);
    UnlockReleaseBuffer(fine);
    return Outcome::stored;
}

static Outcome
store_at(Relation index, const Meta &meta, page::SlicePointer where, uint32 list, RowCode *row)
{
    Buffer buffer = lock_page(index, where.block, BUFFER_LOCK_EXCLUSIVE);
    const Outcome outcome = store_in_slice(index, meta, buffer, where.slice, list, row);
    UnlockReleaseBuffer(buffer);
    return outcome;
}

/// Takes the head out of the free chain: one edit, so that a slice is marked as in the chain if and
/// only if it is. Both pages are exclusively locked.
static void
pop_free_chain(Relation index, const Meta &meta, Buffer directory, Buffer head, uint32 list)
{
    page::ListEntry entry = *find_entry(index, meta, directory, list);
    const uint32 number = entry.free.slice;
    page::Slice slice = *slice_at(head, number);
    entry.free = slice.next_free;
    slice.next_free = page::kNoSlice;
    slice.flags &= static_cast<uint16>(~page::kInFreeChain);

    PageEdit edit(index);
    edit.write(edit.add(directory), entry_offset(list), &entry, sizeof(entry));
    stage_slice(&edit, stage_page(&edit, head, false, page::Kind::scan), number, slice);
    edit.apply();
    VX_FAULT(ivfrabitq_free_popped);
}

static bool
takes_rows(const Meta &meta, const page::ListEntry &entry)
{
    return !(entry.flags & page::kFrozen) && entry.died == 0 &&
           entry.born <= meta.page.structure_version;
}

/// A head that leads to no slice that takes rows is damage: the chain is only changed under the
/// directory page's lock, which we hold.
static bool
store_in_head(Relation index, const Meta &meta, Buffer directory, uint32 list,
              page::SlicePointer head, RowCode *row)
{
    Buffer buffer = lock_page(index, head.block, BUFFER_LOCK_EXCLUSIVE);
    const Outcome outcome = store_in_slice(index, meta, buffer, head.slice, list, row);
    if (outcome == Outcome::not_taking)
        report_corrupted(index, head.block, kNotMarked);
    if (outcome == Outcome::full)
        pop_free_chain(index, meta, directory, buffer, list);
    UnlockReleaseBuffer(buffer);
    return outcome == Outcome::stored;
}

/// A link as the directory page has it.
static void
check_link(Relation index, const Meta &meta, uint32 list, page::SlicePointer pointer)
{
    if (!is_scan_block(meta, pointer.block))
        report_corrupted(index, directory_block(meta, list), "a link leads out of the scan pages");
}

bool
place_row(Relation index, const Meta &meta, uint32 list, RowCode *row)
{
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        const page::ListEntry seen = read_list_entry(index, meta, list);
        if (!takes_rows(meta, seen))
            return false;
        if (page::is_valid(seen.free)) {
            check_link(index, meta, list, seen.free);
            if (store_at(index, meta, seen.free, list, row) == Outcome::stored)
                return true;
        }

        Buffer directory = lock_page(index, directory_block(meta, list), BUFFER_LOCK_EXCLUSIVE);
        const page::ListEntry entry = *find_entry(index, meta, directory, list);
        bool stored = false;
        if (takes_rows(meta, entry)) {
            if (page::is_valid(entry.free)) {
                check_link(index, meta, list, entry.free);
                stored = store_in_head(index, meta, directory, list, entry.free, row);
            } else {
                grow_list(index, meta, directory, list, row);
                stored = true;
            }
        }
        UnlockReleaseBuffer(directory);
        if (stored)
            return true;
    }
}

void
take_free_chain_apart(Relation index, const Meta &meta, uint32 list)
{
    for (bool more = true; more;) {
        CHECK_FOR_INTERRUPTS();
        Buffer directory = lock_page(index, directory_block(meta, list), BUFFER_LOCK_EXCLUSIVE);
        const page::SlicePointer head = find_entry(index, meta, directory, list)->free;
        more = page::is_valid(head);
        if (more) {
            check_link(index, meta, list, head);
            Buffer buffer = lock_page(index, head.block, BUFFER_LOCK_EXCLUSIVE);
            if (!(check_slice(index, meta, buffer, head.slice, list)->flags & page::kInFreeChain))
                report_corrupted(index, head.block, kNotMarked);
            pop_free_chain(index, meta, directory, buffer, list);
            UnlockReleaseBuffer(buffer);
        }
        UnlockReleaseBuffer(directory);
    }
}

void
offer_free_slice(Relation index, const Meta &meta, uint32 list, page::SlicePointer where)
{
    Buffer directory = lock_page(index, directory_block(meta, list), BUFFER_LOCK_EXCLUSIVE);
    page::ListEntry entry = *find_entry(index, meta, directory, list);
    Buffer buffer = lock_page(index, where.block, BUFFER_LOCK_EXCLUSIVE);
    page::Slice slice = *check_slice(index, meta, buffer, where.slice, list);

    if (takes_rows(meta, entry) && has_room(slice) && !(slice.flags & page::kInFreeChain)) {
        slice.next_free = entry.free;
        slice.flags |= page::kInFreeChain;
        entry.free = where;

        PageEdit edit(index);
        edit.write(edit.add(directory), entry_offset(list), &entry, sizeof(entry));
        stage_slice(&edit, stage_page(&edit, buffer, false, page::Kind::scan), where.slice, slice);
        edit.apply();
        VX_FAULT(ivfrabitq_free_offered);
    }
    UnlockReleaseBuffer(buffer);
    UnlockReleaseBuffer(directory);
}

} // namespace vx::ivfrabitq
