// SPDX-License-Identifier: PostgreSQL
//
// Writing rows into lists: finding a page with a free slot, growing a list, the free chain.
//
//     place_row:   loop
//                      share-lock directory page; head := entry.free_head; unlock
//                      if head: lock head exclusive; if it has room: store the row; done
//                      lock directory page exclusive; head := entry.free_head  -- may have moved
//                      if head: lock head exclusive
//                               if it has room: store the row; done
//                               take the full head out of the chain            -- edit of 2 pages
//                      else append a page with the row to list and free chain  -- of 2 or 3
//
// Full pages stay in the chain until they come to its head; so the common insert touches one page.
#include "pg/postgres.hpp"

#include "index/ivf/lists.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
}

#include "wal_hooks/fault.hpp"
#include "wal_hooks/page_edit.hpp"

namespace vx::ivf
{

using wal::PageEdit;

struct NewRow {
    ItemPointerData tid;
    const void *bytes;
};

static Buffer
lock_page(Relation index, BlockNumber block, int mode)
{
    Buffer buffer = read_page(index, block);
    LockBuffer(buffer, mode);
    return buffer;
}

/// The first free slot, or the one after the last in use; REQUIRES has_room().
static uint32
free_slot(Page page)
{
    const auto *rows = page::content<page::RowPage>(page);
    if (rows->dead > 0)
        for (uint32 slot = 0; slot < rows->count; slot++)
            if (!page::is_live(page::tids(page)[slot]))
                return slot;
    return rows->count;
}

static void
stage_row(PageEdit *edit, PageEdit::Handle handle, const Meta &meta, uint32 slot, const NewRow &row)
{
    edit->write(handle, static_cast<uint16>(page::kTidsOffset + slot * sizeof(ItemPointerData)),
                &row.tid, sizeof(ItemPointerData));
    edit->write(handle, static_cast<uint16>(meta.page.rows_offset + slot * meta.page.row_bytes),
                row.bytes, static_cast<uint16>(meta.page.row_bytes));
}

/// Stores the row if the page has room. The page is exclusively locked and checked.
static bool
store_in_page(Relation index, const Meta &meta, Buffer buffer, const NewRow &row)
{
    Page page = BufferGetPage(buffer);
    page::RowPage header = *page::content<page::RowPage>(page);
    if (!has_room(meta, &header))
        return false;

    const uint32 slot = free_slot(page);
    if (slot == header.count && (header.dead > 0 || page::is_live(page::tids(page)[slot])))
        report_corrupted(index, BufferGetBlockNumber(buffer), "free slots are miscounted");
    PageEdit edit(index);
    const PageEdit::Handle handle = edit.add(buffer);
    if (slot == header.count) {
        header.count++;
        edit.set_lower(handle, static_cast<uint16>(meta.page.rows_offset +
                                                   header.count * meta.page.row_bytes));
    } else {
        header.dead--;
    }
    edit.write(handle, page::kContentOffset, &header, sizeof(header));
    stage_row(&edit, handle, meta, slot, row);
    edit.apply();
    VX_FAULT(ivfflat_row_stored);
    return true;
}

/// A page that belongs to nobody, exclusively locked: a zeroed one that a crash left behind (vacuum
/// puts those into the free space map), or a new one at the end of the file. The map may be wrong.
static Buffer
allocate_page(Relation index, const Meta &meta)
{
    constexpr int kTries = 8;
    for (int i = 0; i < kTries; i++) {
        const BlockNumber block = GetFreeIndexPage(index);
        if (block == InvalidBlockNumber)
            break;
        if (block < meta.page.first_rows || block >= RelationGetNumberOfBlocks(index))
            continue;
        Buffer buffer = read_page(index, block);
        if (ConditionalLockBuffer(buffer)) {
            if (PageIsNew(BufferGetPage(buffer)))
                return buffer;
            LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
        }
        ReleaseBuffer(buffer);
    }

    LockRelationForExtension(index, ExclusiveLock);
    Buffer buffer = ReadBuffer(index, P_NEW);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    UnlockRelationForExtension(index, ExclusiveLock);
    return buffer;
}

static void
stage_new_page(PageEdit *edit, Buffer buffer, const Meta &meta, uint32 list, const NewRow &row)
{
    page::RowPage header;
    memset(&header, 0, sizeof(header));
    header.list = list;
    header.count = 1;
    header.next = header.next_free = InvalidBlockNumber;
    header.flags = page::kInFreeChain;
    page::Special special = {0, page::Kind::rows, page::kPageId};

    const PageEdit::Handle handle = edit->add(buffer);
    edit->initialise(handle, sizeof(special));
    edit->write(handle, page::kContentEnd, &special, sizeof(special));
    edit->write(handle, page::kContentOffset, &header, sizeof(header));
    edit->set_lower(handle, static_cast<uint16>(meta.page.rows_offset + meta.page.row_bytes));
    stage_row(edit, handle, meta, 0, row);
}

/// Appends a page holding the row. The directory page is exclusively locked, the free chain empty.
static void
append_page(Relation index, const Meta &meta, Buffer directory, uint32 list, const NewRow &row)
{
    page::ListEntry entry = *find_entry(index, meta, directory, list);
    const BlockNumber old_tail = entry.chain_tail;

    Buffer tail = InvalidBuffer;
    if (old_tail != InvalidBlockNumber) {
        FileEnd end;
        check_row_block(index, meta, &end, old_tail, BufferGetBlockNumber(directory));
        tail = lock_page(index, old_tail, BUFFER_LOCK_EXCLUSIVE);
        check_row_page(index, meta, tail, list);
    }
    Buffer fresh = allocate_page(index, meta);
    const BlockNumber block = BufferGetBlockNumber(fresh);
    VX_FAULT(ivfflat_page_allocated);

    PageEdit edit(index);
    if (entry.chain_head == InvalidBlockNumber)
        entry.chain_head = block;
    entry.chain_tail = block;
    entry.free_head = block;
    edit.write(edit.add(directory), entry_offset(meta, list), &entry, sizeof(entry));
    if (BufferIsValid(tail))
        edit.write(edit.add(tail), page::kContentOffset + offsetof(page::RowPage, next), &block,
                   sizeof(block));
    stage_new_page(&edit, fresh, meta, list, row);
    edit.apply();
    VX_FAULT(ivfflat_page_appended);

    UnlockReleaseBuffer(fresh);
    if (BufferIsValid(tail))
        UnlockReleaseBuffer(tail);
}

/// Takes the full head out of the free chain. Both pages are exclusively locked.
static void
pop_free_chain(Relation index, const Meta &meta, Buffer directory, Buffer head, uint32 list)
{
    page::ListEntry entry = *find_entry(index, meta, directory, list);
    page::RowPage header = *page::content<page::RowPage>(BufferGetPage(head));

    entry.free_head = header.next_free;
    header.next_free = InvalidBlockNumber;
    header.flags &= static_cast<uint16>(~page::kInFreeChain);

    PageEdit edit(index);
    edit.write(edit.add(directory), entry_offset(meta, list), &entry, sizeof(entry));
    edit.write(edit.add(head), page::kContentOffset, &header, sizeof(header));
    edit.apply();
    VX_FAULT(ivfflat_free_popped);
}

/// One try with the directory page locked: true if the row is stored.
static bool
place_under_directory_lock(Relation index, const Meta &meta, uint32 list, const NewRow &row,
                           FileEnd *end)
{
    bool placed = true;
    Buffer directory = lock_page(index, directory_block(meta, list), BUFFER_LOCK_EXCLUSIVE);
    const BlockNumber head_block = find_entry(index, meta, directory, list)->free_head;

    if (head_block == InvalidBlockNumber) {
        append_page(index, meta, directory, list, row);
    } else {
        check_row_block(index, meta, end, head_block, BufferGetBlockNumber(directory));
        Buffer head = lock_page(index, head_block, BUFFER_LOCK_EXCLUSIVE);
        check_row_page(index, meta, head, list);
        placed = store_in_page(index, meta, head, row);
        if (!placed)
            pop_free_chain(index, meta, directory, head, list);
        UnlockReleaseBuffer(head);
    }
    UnlockReleaseBuffer(directory);
    return placed;
}

void
place_row(Relation index, const Meta &meta, uint32 list, ItemPointer heap_tid, const void *row)
{
    const NewRow new_row = {*heap_tid, row};
    FileEnd end;

    for (;;) {
        CHECK_FOR_INTERRUPTS();
        const BlockNumber head = read_list_entry(index, meta, list).free_head;
        if (head != InvalidBlockNumber) {
            check_row_block(index, meta, &end, head, directory_block(meta, list));
            Buffer buffer = lock_page(index, head, BUFFER_LOCK_EXCLUSIVE);
            check_row_page(index, meta, buffer, list);
            const bool placed = store_in_page(index, meta, buffer, new_row);
            UnlockReleaseBuffer(buffer);
            if (placed)
                return;
        }
        if (place_under_directory_lock(index, meta, list, new_row, &end))
            return;
    }
}

void
offer_free_page(Relation index, const Meta &meta, uint32 list, BlockNumber block)
{
    Buffer directory = lock_page(index, directory_block(meta, list), BUFFER_LOCK_EXCLUSIVE);
    Buffer buffer = lock_page(index, block, BUFFER_LOCK_EXCLUSIVE);
    check_row_page(index, meta, buffer, list);

    page::ListEntry entry = *find_entry(index, meta, directory, list);
    page::RowPage header = *page::content<page::RowPage>(BufferGetPage(buffer));
    if (has_room(meta, &header) && !(header.flags & page::kInFreeChain)) {
        header.next_free = entry.free_head;
        header.flags |= page::kInFreeChain;
        entry.free_head = block;

        PageEdit edit(index);
        edit.write(edit.add(directory), entry_offset(meta, list), &entry, sizeof(entry));
        edit.write(edit.add(buffer), page::kContentOffset, &header, sizeof(header));
        edit.apply();
        VX_FAULT(ivfflat_free_offered);
    }
    UnlockReleaseBuffer(buffer);
    UnlockReleaseBuffer(directory);
}

} // namespace vx::ivf
