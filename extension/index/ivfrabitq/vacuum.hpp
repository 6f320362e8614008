// SPDX-License-Identifier: PostgreSQL
//
// Private to vacuum: what one pass over the index knows.
#pragma once

#include "index/ivfrabitq/lists.hpp"

extern "C" {
#include "access/genam.h"
#include "commands/vacuum.h"
}

namespace vx::ivfrabitq
{

struct VacuumPass {
    IndexVacuumInfo *info;
    IndexBulkDeleteResult *stats;
    IndexBulkDeleteCallback callback; // nullptr: nothing is dead, only count
    void *callback_state;
    Meta meta;
    const page::ListEntry *directory; // when the pass began; lists only die at its end
    uint32 *rows;                     // per list, live ones met
    bool *abandoned;                  // per list: nobody reads it any more
};

// ---- lists as a whole (vacuum_lists.cpp)

/// Notes which lists nobody reads any more.
void choose_abandoned(VacuumPass *pass);

/// Says so in the directory, before the first slice of them is freed.
void give_lists_up(VacuumPass *pass);

/// What the pass found: counts of rows, vacant places.
void store_entries(VacuumPass *pass);

// ---- pages (vacuum_page.cpp)

/// Removes dead rows and the slices of abandoned lists from the page, which is exclusively locked
/// and checked: one edit.
void clean_page(VacuumPass *pass, Buffer buffer);

/// Counts the slices that were left on a page; those with room go into their list's free chain.
/// REQUIRES: no page is locked.
void count_page(VacuumPass *pass, BlockNumber block, const page::Slice *slices, uint32 slice_count);

} // namespace vx::ivfrabitq
