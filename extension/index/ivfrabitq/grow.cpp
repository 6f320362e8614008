// SPDX-License-Identifier: PostgreSQL
//
// A list without a slice in its free chain grows:
//
//   0. not at all, if its last slice has room: a vacuum that is about to offer it, or a split that
//      did not end, left it out of the chain. It comes back into it;
//   1. its last slice, if the groups after it on the page are nobody's;
//   2. else by a new slice, on the last slice's page or one that the free space map knows;
//   3. else by a new slice in a new extent.
//
// How many groups it gets depends on its length, a quarter of it: so a list that grows has few
// slices (each is a page to visit), and on average an eighth of it is empty.
//
// Two scan pages are locked at once: the last slice's, and then the new slice's only if that lock
// is free, since other lists' growth may hold it and wait for ours.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/grow.hpp"

#include "index/ivfrabitq/store.hpp"
#include "wal_hooks/fault.hpp"

extern "C" {
#include "storage/freespace.h"
}

namespace vx::ivfrabitq
{

using wal::PageEdit;

struct Growth {
    Relation index;
    const Meta *meta;
    Buffer directory;
    uint32 list;
    RowCode *row;
    page::ListEntry entry;
    Buffer tail; // InvalidBuffer: the list has no slice in its chain
    uint32 wanted;
};

/// Where the new slice goes.
struct Room {
    Buffer scan;
    Buffer fine;   // of a new extent; else InvalidBuffer
    uint32 number; // of the slice
    uint32 first_group;
    uint32 groups;
};

static uint32
wanted_groups(const Meta &meta, const page::ListEntry &entry)
{
    const uint32 groups = (entry.rows / kGroupRows + 3) / 4;
    return Min(Max(groups, 1), meta.page.groups_per_page);
}

// ---- 0: the last slice comes back into the chain

static bool
store_in_tail(Growth *growth)
{
    const Meta &meta = *growth->meta;
    const uint32 number = growth->entry.tail.slice;
    page::Slice slice = *slice_at(growth->tail, number);
    if (!has_room(slice))
        return false;

    const uint32 slot = take_free_slot(growth->index, meta, growth->tail, &slice);
    slice.flags |= page::kInFreeChain;
    slice.next_free = page::kNoSlice;
    growth->entry.free = growth->entry.tail;

    const page::ScanPage header = *page::content<page::ScanPage>(BufferGetPage(growth->tail));
    Buffer fine = lock_fine_page(growth->index, meta, header, slot);
    PageEdit edit(growth->index);
    edit.write(edit.add(growth->directory), entry_offset(growth->list), &growth->entry,
               sizeof(growth->entry));
    const StagedPage page = stage_page(&edit, growth->tail, false, page::Kind::scan);
    stage_slice(&edit, page, number, slice);
    stage_row(&edit, page, fine, meta, {header, number, slice, slot}, growth->row);
    edit.apply();
    VX_FAULT(ivfrabitq_tail_stored);
    UnlockReleaseBuffer(fine);
    return true;
}

// ---- 1: the last slice grows

/// REQUIRES: it is full.
static bool
extend_tail(Growth *growth)
{
    const Meta &meta = *growth->meta;
    const uint32 number = growth->entry.tail.slice;
    page::Slice slice = *slice_at(growth->tail, number);
    page::ScanPage header = *page::content<page::ScanPage>(BufferGetPage(growth->tail));
    const uint32 first = slice.first_group + uint32{slice.groups};
    if (header.groups_used != first || first >= meta.page.groups_per_page)
        return false;

    const uint32 added = Min(growth->wanted, meta.page.groups_per_page - first);
    const uint32 slot = first * kGroupRows;
    slice.groups = static_cast<uint8>(slice.groups + added);
    slice.count++;
    slice.flags |= page::kInFreeChain;
    slice.next_free = page::kNoSlice;
    header.groups_used = static_cast<uint8>(header.groups_used + added);
    growth->entry.free = growth->entry.tail;
    growth->entry.rows += added * kGroupRows;

    Buffer fine = lock_fine_page(growth->index, meta, header, slot);
    PageEdit edit(growth->index);
    edit.write(edit.add(growth->directory), entry_offset(growth->list), &growth->entry,
               sizeof(growth->entry));
    const StagedPage page = stage_page(&edit, growth->tail, false, page::Kind::scan);
    stage_header(&edit, page, meta, header);
    stage_slice(&edit, page, number, slice);
    stage_empty_groups(&edit, page, meta, first, added);
    stage_row(&edit, page, fine, meta, {header, number, slice, slot}, growth->row);
    edit.apply();
    VX_FAULT(ivfrabitq_tail_extended);
    UnlockReleaseBuffer(fine);
    return true;
}

// ---- 2: where is room

/// Groups of the page for a new slice; none: groups is 0.
static Room
room_on_page(const Meta &meta, Buffer buffer, uint32 wanted)
{
    Page page = BufferGetPage(buffer);
    const auto *header = page::content<page::ScanPage>(page);
    for (uint32 i = 0; i < header->slice_count; i++) {
        const page::Slice &slice = page::slices(page)[i];
        if (slice.list == page::kNoList)
            return {buffer, InvalidBuffer, i, slice.first_group, slice.groups};
    }
    const uint32 left = free_groups(meta, page);
    return {buffer, InvalidBuffer, header->slice_count, header->groups_used, Min(wanted, left)};
}

/// A page that the map proposes, exclusively locked and with so many free groups.
static Room
find_room(const Growth *growth, uint32 groups)
{
    constexpr int kTries = 4;
    const Meta &meta = *growth->meta;
    for (int i = 0; i < kTries; i++) {
        const BlockNumber block = find_free_groups(growth->index, meta, groups);
        if (block == InvalidBlockNumber)
            break;
        if (BufferIsValid(growth->tail) && BufferGetBlockNumber(growth->tail) == block)
            return room_on_page(meta, growth->tail, growth->wanted);
        Buffer buffer = read_page(growth->index, block);
        if (!ConditionalLockBuffer(buffer)) {
            ReleaseBuffer(buffer);
            break; // somebody grows there
        }
        uint32 found = 0;
        if (page::has_kind(BufferGetPage(buffer), page::Kind::scan)) {
            check_scan_page(growth->index, meta, buffer);
            found = free_groups(meta, BufferGetPage(buffer));
        }
        if (found >= groups)
            return room_on_page(meta, buffer, growth->wanted);
        UnlockReleaseBuffer(buffer);
        record_free_groups(growth->index, meta, block, found); // the map was wrong
    }
    return {InvalidBuffer, InvalidBuffer, 0, 0, 0};
}

static Room
choose_room(const Growth *growth)
{
    const Meta &meta = *growth->meta;
    if (BufferIsValid(growth->tail)) {
        const Room room = room_on_page(meta, growth->tail, growth->wanted);
        if (room.groups > 0)
            return room;
    }
    Room room = find_room(growth, growth->wanted);
    if (room.groups == 0 && growth->wanted > 1)
        room = find_room(growth, (growth->wanted + 1) / 2);
    if (room.groups > 0)
        return room;

    Buffer fine;
    Buffer scan = extend_index(growth->index, meta, &fine);
    return {scan, fine, 0, 0, growth->wanted};
}

// ---- 2 and 3: the new slice

/// old_tail: the slice that the new one is behind, if that is on the same page.
static void
stage_new_slice(PageEdit *edit, const Growth *growth, const Room &room, Buffer fine,
                const page::ScanPage &header, page::SlicePointer old_tail)
{
    const Meta &meta = *growth->meta;
    page::Slice slice;
    memset(&slice, 0, sizeof(slice));
    slice.list = growth->list;
    slice.first_group = static_cast<uint8>(room.first_group);
    slice.groups = static_cast<uint8>(room.groups);
    slice.count = 1;
    slice.flags = page::kInFreeChain;
    slice.next = slice.next_free = page::kNoSlice;

    const uint32 slot = room.first_group * kGroupRows;
    const StagedPage page =
        stage_page(edit, room.scan, PageIsNew(BufferGetPage(room.scan)), page::Kind::scan);
    stage_header(edit, page, meta, header);
    stage_slice(edit, page, room.number, slice);
    stage_empty_groups(edit, page, meta, room.first_group, room.groups);
    if (growth->tail == room.scan)
        edit->write(page.handle,
                    static_cast<uint16>(slice_offset(old_tail.slice) + offsetof(page::Slice, next)),
                    &growth->entry.tail, sizeof(page::SlicePointer));
    stage_row(edit, page, fine, meta, {header, room.number, slice, slot}, growth->row);
}

/// The header of the page with the new slice.
static page::ScanPage
header_with(const Room &room)
{
    page::ScanPage header;
    if (BufferIsValid(room.fine)) {
        memset(&header, 0, sizeof(header));
        header.fine_block = BufferGetBlockNumber(room.fine);
    } else {
        header = *page::content<page::ScanPage>(BufferGetPage(room.scan));
    }
    if (room.number == header.slice_count) {
        header.slice_count++;
        header.groups_used = static_cast<uint8>(header.groups_used + room.groups);
    }
    return header;
}

/// The list's first slice outside its run is found through the entries that backends keep: it makes
/// a new version of the structure.
static void
stage_new_version(PageEdit *edit, Buffer meta_page)
{
    uint32 version = page::content<page::MetaPage>(BufferGetPage(meta_page))->structure_version;
    version++;
    edit->write(
        edit->add(meta_page),
        static_cast<uint16>(page::kContentOffset + offsetof(page::MetaPage, structure_version)),
        &version, sizeof(version));
}

static void
add_slice(Growth *growth)
{
    const Meta &meta = *growth->meta;
    const bool is_first = !page::is_valid(growth->entry.first);
    const bool makes_version = is_first && growth->entry.born != page::kUnborn; // else a split does
    Buffer meta_page = InvalidBuffer;
    if (makes_version)
        meta_page = lock_meta_page(growth->index);

    const Room room = choose_room(growth);
    const BlockNumber block = BufferGetBlockNumber(room.scan);
    const page::SlicePointer where = {block, room.number};
    const page::ScanPage header = header_with(room);
    Buffer fine = room.fine;
    if (BufferIsValid(fine))
        LockBuffer(fine, BUFFER_LOCK_EXCLUSIVE);
    else
        fine = lock_fine_page(growth->index, meta, header, room.first_group * kGroupRows);

    const page::SlicePointer old_tail = growth->entry.tail;
    growth->entry.free = growth->entry.tail = where;
    growth->entry.rows += room.groups * kGroupRows;
    if (is_first)
        growth->entry.first = where;

    // In the order of the locks: replay takes them in the order of the edit.
    PageEdit edit(growth->index);
    edit.write(edit.add(growth->directory), entry_offset(growth->list), &growth->entry,
               sizeof(growth->entry));
    if (makes_version)
        stage_new_version(&edit, meta_page);
    if (!is_first && growth->tail != room.scan)
        edit.write(edit.add(growth->tail),
                   static_cast<uint16>(slice_offset(old_tail.slice) + offsetof(page::Slice, next)),
                   &where, sizeof(where));
    stage_new_slice(&edit, growth, room, fine, header, old_tail);
    edit.apply();
    VX_FAULT(ivfrabitq_slice_added);

    const uint32 left = free_groups(meta, BufferGetPage(room.scan));
    UnlockReleaseBuffer(fine);
    if (room.scan != growth->tail)
        UnlockReleaseBuffer(room.scan);
    if (makes_version)
        UnlockReleaseBuffer(meta_page);
    record_free_groups(growth->index, meta, block, left);
    if (BufferIsValid(room.fine) && left > 0)
        FreeSpaceMapVacuumRange(growth->index, block, block + 1); // else nobody finds it
    VX_FAULT(ivfrabitq_slice_recorded);
}

void
grow_list(Relation index, const Meta &meta, Buffer directory, uint32 list, RowCode *row)
{
    Growth growth = {index,         &meta, directory,
                     list,          row,   *find_entry(index, meta, directory, list),
                     InvalidBuffer, 0};
    growth.wanted = wanted_groups(meta, growth.entry);
    if (page::is_valid(growth.entry.first)) {
        const page::SlicePointer tail = growth.entry.tail;
        if (!is_scan_block(meta, tail.block))
            report_corrupted(index, BufferGetBlockNumber(directory),
                             "a link leads out of the scan pages");
        growth.tail = lock_page(index, tail.block, BUFFER_LOCK_EXCLUSIVE);
        check_scan_page(index, meta, growth.tail);
        check_slice(index, meta, growth.tail, tail.slice, list);
    }
    if (!BufferIsValid(growth.tail) || !(store_in_tail(&growth) || extend_tail(&growth)))
        add_slice(&growth);
    if (BufferIsValid(growth.tail))
        UnlockReleaseBuffer(growth.tail);
}

} // namespace vx::ivfrabitq
