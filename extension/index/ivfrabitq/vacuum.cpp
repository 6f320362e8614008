// SPDX-License-Identifier: PostgreSQL
//
// Vacuum: one pass over the scan pages in block order. Dead rows lose their tid and get an add that
// no threshold lets pass.
//
// No cleanup lock: scans keep no pin on scan pages, and use MVCC snapshots only, so a tid that they
// collected and that vacuum has since recycled leads to a tuple that their snapshot does not see.
// The same holds on a standby, where vacuum's locks do not exist.
//
// A row moves only when its list is split, which vacuum itself does, afterwards; so one pass meets
// every row that was there when it began. Fine pages hold no tids and are not read.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/vacuum.hpp"

extern "C" {
#include "access/amapi.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
}

#include "index/ivfrabitq/callbacks.hpp"
#include "index/ivfrabitq/split.hpp"
#include "index/ivfrabitq/store.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::ivfrabitq
{

// ---- what a crash left

/// Whether a page can be that of an extent that was never used: zeroed, or, as the last of them, a
/// fine page without records.
static bool
is_unused_page(VacuumPass *pass, BlockNumber block, bool last)
{
    Buffer buffer = ReadBufferExtended(pass->info->index, MAIN_FORKNUM, block, RBM_NORMAL,
                                       pass->info->strategy);
    LockBuffer(buffer, BUFFER_LOCK_SHARE); // waits for who has just made it
    Page page = BufferGetPage(buffer);
    const bool unused =
        PageIsNew(page) || (last && page::has_kind(page, page::Kind::fine) &&
                            reinterpret_cast<PageHeader>(page)->pd_lower <= page::kFineOffset);
    UnlockReleaseBuffer(buffer);
    return unused;
}

/// Pages that no extent has: the server stopped between extending the file and using it. As many as
/// an extent takes are made one; fewer stay as they are. Returns the block after them.
static BlockNumber
adopt_unused_pages(VacuumPass *pass, BlockNumber block, BlockNumber end)
{
    const uint32 extent = 1 + pass->meta.extent_fine_pages();
    uint32 found = 0;
    while (found < extent && block + found < end &&
           is_unused_page(pass, block + found, found + 1 == extent))
        found++;
    if (found < extent) {
        pass->stats->pages_free += found;
        return block + Max(found, 1);
    }

    Relation index = pass->info->index;
    Buffer last =
        read_page(index, block + extent - 1); // who extended the file may not have logged it
    log_extent_end(index, last);
    ReleaseBuffer(last);
    VX_FAULT(ivfrabitq_extent_logged);
    page::ScanPage header;
    memset(&header, 0, sizeof(header));
    header.fine_block = block + 1;
    Buffer buffer = lock_page(index, block, BUFFER_LOCK_EXCLUSIVE);
    wal::PageEdit edit(index);
    stage_header(&edit, stage_page(&edit, buffer, true, page::Kind::scan), pass->meta, header);
    edit.apply();
    VX_FAULT(ivfrabitq_vacuum_adopted);
    UnlockReleaseBuffer(buffer);
    record_free_groups(index, pass->meta, block, pass->meta.page.groups_per_page);
    pass->stats->pages_free++;
    return block + extent;
}

/// The first block after the build's: extents begin there.
static BlockNumber
first_extent(const Meta &meta)
{
    return meta.page.first_scan + meta.page.scan_pages + meta.page.fine_pages;
}

/// The scan page after this one.
static BlockNumber
next_scan_page(const Meta &meta, BlockNumber block)
{
    const BlockNumber built = meta.page.first_scan + meta.page.scan_pages;
    if (block >= built)
        return block + 1 + meta.extent_fine_pages();
    return block + 1 == built ? first_extent(meta) : block + 1;
}

/// Returns the next block to visit.
static BlockNumber
visit_page(VacuumPass *pass, BlockNumber block, BlockNumber end)
{
    Relation index = pass->info->index;
    Buffer buffer =
        ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, pass->info->strategy);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    Page page = BufferGetPage(buffer);
    if (block >= first_extent(pass->meta) &&
        (PageIsNew(page) || page::has_kind(page, page::Kind::fine))) {
        UnlockReleaseBuffer(buffer);
        return adopt_unused_pages(pass, block, end);
    }

    check_scan_page(index, pass->meta, buffer);
    clean_page(pass, buffer);
    page = BufferGetPage(buffer);
    page::Slice slices[BLCKSZ / sizeof(page::Slice)];
    const uint32 slice_count = page::content<page::ScanPage>(page)->slice_count;
    memcpy(slices, page::slices(page), slice_count * sizeof(page::Slice));
    const uint32 free = free_groups(pass->meta, page);
    UnlockReleaseBuffer(buffer);

    count_page(pass, block, slices, slice_count);
    record_free_groups(index, pass->meta, block, free);
    VX_FAULT(ivfrabitq_vacuum_counted);
    if (slice_count == 0)
        pass->stats->pages_free++;
    return next_scan_page(pass->meta, block);
}

// ---- the pass

/// Under the extension lock: whoever extended the file before has locked its new scan page by now,
/// so zeroed pages that we can lock are nobody's.
static BlockNumber
count_blocks(Relation index)
{
    const bool need_lock = !RELATION_IS_LOCAL(index);
    if (need_lock)
        LockRelationForExtension(index, ExclusiveLock);
    const BlockNumber blocks = RelationGetNumberOfBlocks(index);
    if (need_lock)
        UnlockRelationForExtension(index, ExclusiveLock);
    return blocks;
}

static void
prefetch(const VacuumPass *pass, BlockNumber block)
{
    constexpr uint32 kAhead = 8;
    if (block + kAhead < pass->meta.page.first_scan + pass->meta.page.scan_pages)
        PrefetchBuffer(pass->info->index, MAIN_FORKNUM, block + kAhead);
}

static void
walk_pages(VacuumPass *pass)
{
    const page::MetaPage &meta = pass->meta.page;
    BlockNumber block = meta.scan_pages > 0 ? meta.first_scan : first_extent(pass->meta);
    for (BlockNumber end = count_blocks(pass->info->index); block < end;
         end = count_blocks(pass->info->index)) {
        while (block < end) {
            pg::vacuum_delay();
            prefetch(pass, block);
            block = visit_page(pass, block, end);
        }
    }
    FreeSpaceMapVacuum(pass->info->index);
}

static VacuumPass
begin_pass(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
           void *callback_state)
{
    if (stats == nullptr)
        stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
    stats->num_index_tuples = 0; // counted anew by each pass
    stats->pages_free = 0;
    stats->estimated_count = false;

    VacuumPass pass = {info,    stats,   callback, callback_state, read_meta(info->index),
                       nullptr, nullptr, nullptr};
    thaw_lists(info->index, pass.meta); // nobody else splits while we vacuum
    const Size lists = pass.meta.page.lists;
    auto *directory = static_cast<page::ListEntry *>(
        palloc_extended(lists * sizeof(page::ListEntry), MCXT_ALLOC_HUGE));
    memcpy(directory, get_directory(info->index, pass.meta), lists * sizeof(page::ListEntry));
    pass.directory = directory;
    pass.rows = static_cast<uint32 *>(
        palloc_extended(lists * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    pass.abandoned = static_cast<bool *>(palloc_extended(lists * sizeof(bool), MCXT_ALLOC_HUGE));
    choose_abandoned(&pass);
    give_lists_up(&pass);
    return pass;
}

static IndexBulkDeleteResult *
run_pass(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
         void *callback_state)
{
    VacuumPass pass = begin_pass(info, stats, callback, callback_state);
    walk_pages(&pass);
    VX_FAULT(ivfrabitq_vacuum_passed);
    store_entries(&pass);
    return pass.stats;
}

VX_CALLBACK(IndexBulkDeleteResult *, ivfrabitq_bulk_delete,
            (IndexVacuumInfo * info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
             void *callback_state),
            (info, stats, callback, callback_state))
{
    return run_pass(info, stats, callback, callback_state);
}

/// Where nothing was deleted the lists have not been counted yet, and may have grown.
VX_CALLBACK(IndexBulkDeleteResult *, ivfrabitq_vacuum_cleanup,
            (IndexVacuumInfo * info, IndexBulkDeleteResult *stats), (info, stats))
{
    if (info->analyze_only)
        return stats;
    if (stats == nullptr)
        stats = run_pass(info, nullptr, nullptr, nullptr);
    split_lists(info);
    stats->num_pages = RelationGetNumberOfBlocks(info->index);
    return stats;
}

void
install_vacuum(IndexAmRoutine *routine)
{
    routine->ambulkdelete = ivfrabitq_bulk_delete;
    routine->amvacuumcleanup = ivfrabitq_vacuum_cleanup;
}

} // namespace vx::ivfrabitq
