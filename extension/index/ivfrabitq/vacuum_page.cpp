// SPDX-License-Identifier: PostgreSQL
//
// Vacuum of one scan page: one edit for all that changes on it.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/store.hpp"
#include "index/ivfrabitq/vacuum.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::ivfrabitq
{

static bool
is_gone(const VacuumPass *pass, ItemPointer tid)
{
    return pass->callback != nullptr && pass->callback(tid, pass->callback_state);
}

/// A slice of a list that nobody can read: dead for long enough, or its split was not finished.
static bool
is_abandoned(const VacuumPass *pass, const page::Slice &slice)
{
    return slice.list != page::kNoList &&
           (slice.list >= pass->meta.page.lists || pass->abandoned[slice.list]);
}

/// A slice of a list that only scans which began before its split still read: left as it is.
static bool
is_retired(const VacuumPass *pass, const page::Slice &slice)
{
    return slice.list == page::kNoList || pass->directory[slice.list].died != 0;
}

/// Removes the slice's dead rows. Free slots at its end are given back, so that scans do not read
/// them. Returns how many rows died.
static uint32
clean_slice(const VacuumPass *pass, wal::PageEdit *edit, Buffer buffer, const StagedPage &page,
            page::Slice *slice)
{
    const uint32 first = slice->first_group * kGroupRows;
    uint32 dead = 0;
    ItemPointerData tids[BLCKSZ / sizeof(ItemPointerData)];
    memcpy(tids, page::tids(pass->meta.page, page.page) + first, slice->count * sizeof(tids[0]));
    uint32 removed = 0;
    for (uint32 i = 0; i < slice->count; i++) {
        dead += !page::is_live(tids[i]);
        if (!page::is_live(tids[i]) || !is_gone(pass, &tids[i]))
            continue;
        memset(&tids[i], 0, sizeof(tids[i]));
        stage_no_row(edit, page, pass->meta, first + i);
        removed++;
    }
    if (dead != slice->dead)
        report_corrupted(pass->info->index, BufferGetBlockNumber(buffer),
                         "free slots are miscounted");
    slice->dead = static_cast<uint16>(dead + removed);
    while (slice->count > 0 && !page::is_live(tids[slice->count - 1])) {
        slice->count--;
        slice->dead--;
    }
    return removed;
}

/// Gives abandoned slices' groups back: the last ones to the page, others to a new slice.
static bool
free_slices(const VacuumPass *pass, wal::PageEdit *edit, const StagedPage &page)
{
    page::ScanPage header = *page::content<page::ScanPage>(page.page);
    bool found = false;
    for (uint32 i = 0; i < header.slice_count; i++) {
        page::Slice slice = page::slices(page.page)[i];
        if (!is_abandoned(pass, slice))
            continue;
        slice.list = page::kNoList;
        slice.count = slice.dead = slice.flags = 0;
        slice.next = slice.next_free = page::kNoSlice;
        stage_slice(edit, page, i, slice);
        found = true;
    }
    if (!found)
        return false;
    while (header.slice_count > 0) {
        const page::Slice &last = page::slices(page.page)[header.slice_count - 1];
        if ((last.list != page::kNoList && !is_abandoned(pass, last)) ||
            uint32{last.first_group} + last.groups != header.groups_used)
            break;
        header.slice_count--;
        header.groups_used = static_cast<uint8>(header.groups_used - last.groups);
    }
    stage_header(edit, page, pass->meta, header);
    return true;
}

void
clean_page(VacuumPass *pass, Buffer buffer)
{
    wal::PageEdit edit(pass->info->index);
    const StagedPage page = stage_page(&edit, buffer, false, page::Kind::scan);
    const auto *header = page::content<page::ScanPage>(page.page);
    bool changed = false;
    for (uint32 i = 0; i < header->slice_count; i++) {
        page::Slice slice = page::slices(page.page)[i];
        if (is_abandoned(pass, slice) || is_retired(pass, slice))
            continue;
        const uint16 count = slice.count;
        const uint32 removed = clean_slice(pass, &edit, buffer, page, &slice);
        pass->stats->tuples_removed += removed;
        if (removed == 0 && slice.count == count)
            continue;
        stage_counts(&edit, page, i, slice);
        changed = true;
    }
    changed |= free_slices(pass, &edit, page);
    if (!changed)
        return;
    wal::announce_removal();
    edit.apply();
    VX_FAULT(ivfrabitq_vacuum_cleaned);
}

void
count_page(VacuumPass *pass, BlockNumber block, const page::Slice *slices, uint32 slice_count)
{
    for (uint32 i = 0; i < slice_count; i++) {
        const page::Slice &slice = slices[i];
        if (is_retired(pass, slice))
            continue;
        const uint32 live = uint32{slice.count} - slice.dead;
        pass->rows[slice.list] += live;
        pass->stats->num_index_tuples += live;
        if (has_room(slice) && !(slice.flags & page::kInFreeChain))
            offer_free_slice(pass->info->index, pass->meta, slice.list, {block, i});
    }
}

} // namespace vx::ivfrabitq
