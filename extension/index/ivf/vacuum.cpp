// SPDX-License-Identifier: PostgreSQL
//
// Vacuum: one pass over the row pages in block order, zeroing the tids of dead rows.
//
// No cleanup lock: scans read a page under its share lock, keep no pin, and use MVCC snapshots
// only, so a tid that they collected and that vacuum has since recycled leads to a heap tuple that
// their snapshot does not see. The same holds on a standby, where vacuum's locks do not exist.
//
// Rows never move, so one pass in block order meets every row that was there when it began.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
}

#include "index/ivf/callbacks.hpp"
#include "index/ivf/lists.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "wal_hooks/fault.hpp"
#include "wal_hooks/page_edit.hpp"

namespace vx::ivf
{

struct VacuumPass {
    IndexVacuumInfo *info;
    IndexBulkDeleteResult *stats;
    IndexBulkDeleteCallback callback;
    void *callback_state;
    Meta meta;
};

/// Under the extension lock: whoever extended the file before has locked its new page by now, so a
/// zeroed page that we can lock is nobody's.
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

struct DeadSlots {
    uint32 first; // first and last slot that died now
    uint32 last;
    uint32 count;
    uint32 before; // slots that had died already
};

/// Asks about every live row of the page; dead ones lose their tid in `tids`.
static DeadSlots
find_dead(VacuumPass *pass, const page::RowPage &header, ItemPointer tids)
{
    DeadSlots dead = {0, 0, 0, 0};
    for (uint32 slot = 0; slot < header.count; slot++) {
        if (!page::is_live(tids[slot])) {
            dead.before++;
            continue;
        }
        if (pass->callback(&tids[slot], pass->callback_state)) {
            memset(&tids[slot], 0, sizeof(ItemPointerData));
            if (dead.count++ == 0)
                dead.first = slot;
            dead.last = slot;
        }
    }
    return dead;
}

static void
remove_dead(VacuumPass *pass, Buffer buffer, page::RowPage header, const ItemPointerData *tids,
            const DeadSlots &dead)
{
    const Meta &meta = pass->meta;
    header.dead = static_cast<uint16>(header.dead + dead.count);
    while (header.count > 0 && !page::is_live(tids[header.count - 1])) {
        header.count--; // free slots at the end are given back, so scans do not read them
        header.dead--;
    }

    wal::PageEdit edit(pass->info->index);
    const auto handle = edit.add(buffer);
    edit.write(handle, page::kContentOffset, &header, sizeof(header));
    edit.write(handle,
               static_cast<uint16>(page::kTidsOffset + dead.first * sizeof(ItemPointerData)),
               &tids[dead.first],
               static_cast<uint16>((dead.last - dead.first + 1) * sizeof(ItemPointerData)));
    edit.set_lower(handle,
                   static_cast<uint16>(meta.page.rows_offset + header.count * meta.page.row_bytes));
    wal::announce_removal();
    edit.apply();
    VX_FAULT(ivfflat_vacuum_cleaned);
}

static void
vacuum_page(VacuumPass *pass, BlockNumber block)
{
    Relation index = pass->info->index;
    Buffer buffer =
        ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, pass->info->strategy);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    Page page = BufferGetPage(buffer);
    if (PageIsNew(page)) {
        // left behind by a crash between extending the file and linking the page
        UnlockReleaseBuffer(buffer);
        RecordFreeIndexPage(index, block);
        VX_FAULT(ivfflat_vacuum_found);
        pass->stats->pages_free++;
        return;
    }

    check_row_page(index, pass->meta, buffer);
    const page::RowPage header = *page::content<page::RowPage>(page);
    ItemPointerData tids[BLCKSZ / sizeof(ItemPointerData)];
    memcpy(tids, page::tids(page), header.count * sizeof(ItemPointerData));
    const DeadSlots dead = find_dead(pass, header, tids);
    if (dead.before != header.dead)
        report_corrupted(index, block, "free slots are miscounted");
    if (dead.count > 0)
        remove_dead(pass, buffer, header, tids, dead);

    const page::RowPage left = *page::content<page::RowPage>(BufferGetPage(buffer));
    UnlockReleaseBuffer(buffer);

    pass->stats->tuples_removed += dead.count;
    pass->stats->num_index_tuples += left.count - left.dead;
    if (has_room(pass->meta, &left) && !(left.flags & page::kInFreeChain))
        offer_free_page(index, pass->meta, left.list, block);
}

VX_CALLBACK(IndexBulkDeleteResult *, ivf_bulk_delete,
            (IndexVacuumInfo * info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
             void *callback_state),
            (info, stats, callback, callback_state))
{
    if (stats == nullptr)
        stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
    stats->num_index_tuples = 0; // counted anew by each pass
    stats->pages_free = 0;
    stats->estimated_count = false;

    VacuumPass pass = {info, stats, callback, callback_state, get_meta(info->index)};
    BlockNumber block = pass.meta.page.first_rows;
    for (BlockNumber end = count_blocks(info->index); block < end;
         end = count_blocks(info->index)) {
        for (; block < end; block++) {
            pg::vacuum_delay();
            vacuum_page(&pass, block);
        }
    }
    VX_FAULT(ivfflat_vacuum_passed);
    if (stats->pages_free > 0)
        IndexFreeSpaceMapVacuum(info->index);
    return stats;
}

VX_CALLBACK(IndexBulkDeleteResult *, ivf_vacuum_cleanup,
            (IndexVacuumInfo * info, IndexBulkDeleteResult *stats), (info, stats))
{
    if (info->analyze_only || stats == nullptr) // nothing was deleted: nothing to count anew
        return stats;
    stats->num_pages = RelationGetNumberOfBlocks(info->index);
    return stats;
}

void
install_vacuum(IndexAmRoutine *routine)
{
    routine->ambulkdelete = ivf_bulk_delete;
    routine->amvacuumcleanup = ivf_vacuum_cleanup;
}

} // namespace vx::ivf
