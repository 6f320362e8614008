// SPDX-License-Identifier: PostgreSQL
//
// The page changes of a split: freezing the old list, preparing new ones, and the switch.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/ring_guard.hpp"
#include "index/ivfrabitq/split.hpp"
#include "index/ivfrabitq/store.hpp"
#include "wal_hooks/fault.hpp"

extern "C" {
#include "access/transam.h"
#include "miscadmin.h"
}

namespace vx::ivfrabitq
{

using wal::PageEdit;

constexpr auto kPlaces = static_cast<uint32>(kernel::kBlockCentroids);
constexpr auto kTile = static_cast<uint32>(kernel::kTileBytes);

// ---- the old list

void
freeze_list(Relation index, const Meta &meta, uint32 list)
{
    Buffer directory = lock_page(index, directory_block(meta, list), BUFFER_LOCK_EXCLUSIVE);
    const uint32 flags = find_entry(index, meta, directory, list)->flags | page::kFrozen;
    PageEdit edit(index);
    edit.write(edit.add(directory),
               static_cast<uint16>(entry_offset(list) + offsetof(page::ListEntry, flags)), &flags,
               sizeof(flags));
    edit.apply();
    UnlockReleaseBuffer(directory);
    VX_FAULT(ivfrabitq_split_frozen);
    take_free_chain_apart(index, meta, list);
}

/// Adds the slice's rows. Returns the next slice.
static page::SlicePointer
collect_slice(Relation index, const Meta &meta, uint32 list, page::SlicePointer where,
              ListRows *rows)
{
    CHECK_FOR_INTERRUPTS();
    if (!is_scan_block(meta, where.block))
        report_corrupted(index, directory_block(meta, list), "a link leads out of the scan pages");
    Buffer buffer = lock_page(index, where.block, BUFFER_LOCK_SHARE);
    const page::Slice slice = *check_slice(index, meta, buffer, where.slice, list);
    if (rows->count + slice.count > rows->capacity) {
        rows->capacity = Max(rows->capacity * 2, rows->count + slice.count);
        rows->tids = static_cast<ItemPointerData *>(
            repalloc_huge(rows->tids, Size{rows->capacity} * sizeof(ItemPointerData)));
    }
    const ItemPointerData *tids =
        page::tids(meta.page, BufferGetPage(buffer)) + slice.first_group * kGroupRows;
    for (uint32 i = 0; i < slice.count; i++)
        if (page::is_live(tids[i]))
            rows->tids[rows->count++] = tids[i];
    UnlockReleaseBuffer(buffer);
    return slice.next;
}

ListRows
collect_rows(Relation index, const Meta &meta, uint32 list)
{
    ListRows rows = {nullptr, 0, 1024};
    rows.tids = static_cast<ItemPointerData *>(palloc(rows.capacity * sizeof(ItemPointerData)));
    const page::ListEntry entry = read_list_entry(index, meta, list);
    for (uint32 i = 0; i < entry.run_pages; i++)
        collect_slice(index, meta, list, {entry.run_start + i, 0}, &rows);
    RingGuard guard = {};
    for (page::SlicePointer next = entry.first; page::is_valid(next);) {
        if (!guard.pass(next))
            report_corrupted(index, next.block, kRing);
        next = collect_slice(index, meta, list, next, &rows);
    }
    return rows;
}

// ---- new lists

uint32
choose_places(Relation index, const Meta &meta, uint32 list, uint32 wanted, NewList *out)
{
    uint32 found = 0;
    uint32 first = list / page::kEntriesPerPage * page::kEntriesPerPage;
    uint32 end = Min(first + page::kEntriesPerPage, meta.page.lists);
    if (meta.page.block_centre_pages > 0) { // where searches look for lists near that one
        first = Max(first, list / kPlaces * kPlaces);
        end = Min(end, list / kPlaces * kPlaces + kPlaces);
    }
    for (uint32 i = first; i < end && found < wanted; i++)
        if (read_list_entry(index, meta, i).flags & page::kVacant)
            out[found++].place = i;
    for (uint32 i = meta.page.lists; i < meta.page.list_capacity && found < wanted; i++)
        out[found++].place = i;
    return found;
}

/// A page of centroids, whose last one may have fewer tiles; what lies beyond pd_lower would be
/// lost by an edit.
static bool
has_all_tiles(const Meta &meta, Buffer buffer)
{
    const uint32 tiles = meta.page.list_capacity / kPlaces *
                         static_cast<uint32>(kernel::tiles_per_block(meta.page.padded));
    const uint32 before =
        (BufferGetBlockNumber(buffer) - meta.page.first_centroids) * page::kTilesPerPage;
    Page page = BufferGetPage(buffer);
    return page::has_kind(page, page::Kind::centroids) &&
           reinterpret_cast<PageHeader>(page)->pd_lower ==
               page::kTilesOffset + Min(page::kTilesPerPage, tiles - before) * kTile;
}

/// Writes the place's part of every tile, a page at a time.
static void
write_centre(Relation index, const Meta &meta, const NewList &list)
{
    const auto per_block = static_cast<uint32>(kernel::tiles_per_block(meta.page.padded));
    const auto factor_tiles = static_cast<uint32>(kernel::kFactorTiles);
    const uint32 first = list.place / kPlaces * per_block;
    const uint32 place = list.place % kPlaces;
    for (uint32 tile = 0; tile < per_block;) {
        const uint32 on_page = (first + tile) % page::kTilesPerPage;
        const uint32 count = Min(page::kTilesPerPage - on_page, per_block - tile);
        Buffer buffer =
            lock_page(index, meta.page.first_centroids + (first + tile) / page::kTilesPerPage,
                      BUFFER_LOCK_EXCLUSIVE);
        if (!has_all_tiles(meta, buffer))
            report_corrupted(index, BufferGetBlockNumber(buffer), "not a page of centroids");
        PageEdit edit(index);
        const auto handle = edit.add(buffer);
        for (uint32 i = 0; i < count; i++) {
            const uint32 number = tile + i;
            uint8 bytes[4];
            if (number == 0)
                memcpy(bytes, &list.scale, sizeof(bytes));
            else if (number == 1)
                memcpy(bytes, &list.norm2, sizeof(bytes));
            else
                for (uint32 k = 0; k < 4; k++)
                    bytes[k] =
                        static_cast<uint8>(list.codes[4 * (number - factor_tiles) + k] + 128);
            edit.write(handle,
                       static_cast<uint16>(page::kTilesOffset + (on_page + i) * kTile + place * 4),
                       bytes, sizeof(bytes));
        }
        edit.apply();
        VX_FAULT(ivfrabitq_split_centre);
        UnlockReleaseBuffer(buffer);
        tile += count;
    }
}

static void
write_entry(Relation index, const Meta &meta, uint32 place, const page::ListEntry &entry)
{
    Buffer directory = lock_page(index, directory_block(meta, place), BUFFER_LOCK_EXCLUSIVE);
    find_entry(index, meta, directory, place);
    PageEdit edit(index);
    edit.write(edit.add(directory), entry_offset(place), &entry, sizeof(entry));
    edit.apply();
    UnlockReleaseBuffer(directory);
}

void
write_new_list(Relation index, const Meta &meta, const NewList &list)
{
    write_centre(index, meta, list);
    page::ListEntry entry;
    memset(&entry, 0, sizeof(entry));
    entry.run_start = InvalidBlockNumber;
    entry.first = entry.tail = entry.free = page::kNoSlice;
    entry.born = page::kUnborn;
    write_entry(index, meta, list.place, entry);
    VX_FAULT(ivfrabitq_split_entry);
}

// ---- the switch

/// Places beyond those in use are nobody's until the metapage counts them: their entries can say
/// that they are born before that.
static void
bear_appended(Relation index, const Meta &meta, const NewList *lists, uint32 count)
{
    for (uint32 i = 0; i < count; i++) {
        if (lists[i].place < meta.page.lists)
            continue;
        page::ListEntry entry = read_list_entry(index, meta, lists[i].place);
        entry.born = 0;
        write_entry(index, meta, lists[i].place, entry);
        VX_FAULT(ivfrabitq_split_appended);
    }
}

static void
stage_entry(PageEdit *edit, PageEdit::Handle handle, uint32 list, const page::ListEntry &entry)
{
    edit->write(handle, entry_offset(list), &entry, sizeof(entry));
}

void
publish_lists(Relation index, const Meta &meta, uint32 old_list, const NewList *lists, uint32 count)
{
    bear_appended(index, meta, lists, count);
    Buffer directory = lock_page(index, directory_block(meta, old_list), BUFFER_LOCK_EXCLUSIVE);
    Buffer meta_page = lock_meta_page(index);
    page::MetaPage now = *page::content<page::MetaPage>(BufferGetPage(meta_page));
    const uint32 version = now.structure_version + 1;
    uint32 in_use = now.lists;

    PageEdit edit(index);
    const auto handle = edit.add(directory);
    for (uint32 i = 0; i < count; i++) {
        in_use = Max(in_use, lists[i].place + 1);
        if (lists[i].place >= now.lists)
            continue;
        page::ListEntry entry = *find_entry(index, meta, directory, lists[i].place);
        entry.born = version;
        stage_entry(&edit, handle, lists[i].place, entry);
    }
    page::ListEntry old = *find_entry(index, meta, directory, old_list);
    old.died = version;
    old.flags = 0;
    old.rows = 0;
    old.retired_xid = U64FromFullTransactionId(ReadNextFullTransactionId());
    stage_entry(&edit, handle, old_list, old);

    const uint32 changed[2] = {in_use, version};
    static_assert(offsetof(page::MetaPage, structure_version) ==
                  offsetof(page::MetaPage, lists) + sizeof(uint32));
    edit.write(edit.add(meta_page),
               static_cast<uint16>(page::kContentOffset + offsetof(page::MetaPage, lists)), changed,
               sizeof(changed));
    edit.apply();
    UnlockReleaseBuffer(meta_page);
    UnlockReleaseBuffer(directory);
}

} // namespace vx::ivfrabitq
