// SPDX-License-Identifier: PostgreSQL
//
// What a pass of vacuum does with whole lists: which of them it frees, and what their entries say
// before and after.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/store.hpp"
#include "index/ivfrabitq/vacuum.hpp"
#include "wal_hooks/fault.hpp"

extern "C" {
#include "access/transam.h"
#include "utils/snapmgr.h"
}

namespace vx::ivfrabitq
{

/// No scan can read the list: it never came to life, or every snapshot is younger than its death.
static bool
is_abandoned(const page::ListEntry &entry)
{
    if (entry.born == page::kUnborn || (entry.flags & page::kVacant))
        return true;
    return entry.died != 0 &&
           GlobalVisCheckRemovableFullXid(nullptr, FullTransactionIdFromU64(entry.retired_xid));
}

void
choose_abandoned(VacuumPass *pass)
{
    for (uint32 i = 0; i < pass->meta.page.lists; i++)
        pass->abandoned[i] = is_abandoned(pass->directory[i]);
}

/// Before the pass: a scan of a standby that knew the list sees that its slices are not to be
/// trusted. One that nobody ever knew needs no mark.
static page::ListEntry
entry_before(const VacuumPass *pass, uint32 list, page::ListEntry entry)
{
    if (pass->abandoned[list] && entry.born != page::kUnborn && !(entry.flags & page::kVacant))
        entry.flags |= page::kGivenUp;
    return entry;
}

/// After it: the list's rows are counted, its place is vacant if no slice is left of it.
static page::ListEntry
entry_after(const VacuumPass *pass, uint32 list, page::ListEntry entry)
{
    if (pass->abandoned[list]) {
        entry = page::vacant_entry();
    } else if (entry.died == 0) {
        entry.rows = pass->rows[list];
    }
    return entry;
}

using Change = page::ListEntry (*)(const VacuumPass *pass, uint32 list, page::ListEntry entry);

/// One directory page. Returns whether anything was to change.
static bool
change_page(VacuumPass *pass, uint32 first, Change change)
{
    Relation index = pass->info->index;
    Buffer directory = lock_page(index, directory_block(pass->meta, first), BUFFER_LOCK_EXCLUSIVE);
    const page::ListEntry *entries = find_entry(index, pass->meta, directory, first);
    const uint32 count = Min(page::kEntriesPerPage, pass->meta.page.lists - first);
    wal::PageEdit edit(index);
    const auto handle = edit.add(directory);
    uint32 changed = 0;
    for (uint32 i = 0; i < count; i++) {
        const page::ListEntry after = change(pass, first + i, entries[i]);
        if (memcmp(&after, &entries[i], sizeof(after)) == 0)
            continue;
        edit.write(handle, entry_offset(first + i), &after, sizeof(after));
        changed++;
    }
    if (changed > 0)
        edit.apply();
    UnlockReleaseBuffer(directory);
    return changed > 0;
}

void
give_lists_up(VacuumPass *pass)
{
    for (uint32 first = 0; first < pass->meta.page.lists; first += page::kEntriesPerPage)
        if (change_page(pass, first, entry_before)) {
            VX_FAULT(ivfrabitq_vacuum_given_up);
        }
}

void
store_entries(VacuumPass *pass)
{
    for (uint32 first = 0; first < pass->meta.page.lists; first += page::kEntriesPerPage)
        if (change_page(pass, first, entry_after)) {
            VX_FAULT(ivfrabitq_vacuum_entries);
        }
}

} // namespace vx::ivfrabitq
