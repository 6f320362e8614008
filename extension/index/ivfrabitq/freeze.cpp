// SPDX-License-Identifier: PostgreSQL
//
// A list that is being split is frozen: it takes no rows. Who splits holds the heavyweight lock of
// the metapage, which ends with its transaction however that ends; so a list that is frozen while
// nobody has the lock was left so.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/split.hpp"
#include "index/ivfrabitq/store.hpp"
#include "wal_hooks/fault.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/lmgr.h"
}

namespace vx::ivfrabitq
{

static void
thaw_page(Relation index, const Meta &meta, uint32 first)
{
    Buffer directory = lock_page(index, directory_block(meta, first), BUFFER_LOCK_EXCLUSIVE);
    const page::ListEntry *entries = find_entry(index, meta, directory, first);
    const uint32 count = Min(page::kEntriesPerPage, meta.page.lists - first);
    wal::PageEdit edit(index);
    const auto handle = edit.add(directory);
    uint32 frozen = 0;
    for (uint32 i = 0; i < count; i++) {
        if (!(entries[i].flags & page::kFrozen))
            continue;
        const uint32 flags = entries[i].flags & ~page::kFrozen;
        edit.write(handle,
                   static_cast<uint16>(entry_offset(first + i) + offsetof(page::ListEntry, flags)),
                   &flags, sizeof(flags));
        frozen++;
    }
    if (frozen > 0) {
        edit.apply();
        VX_FAULT(ivfrabitq_list_thawed);
    }
    UnlockReleaseBuffer(directory);
}

void
thaw_lists(Relation index, const Meta &meta)
{
    for (uint32 first = 0; first < meta.page.lists; first += page::kEntriesPerPage) {
        CHECK_FOR_INTERRUPTS();
        thaw_page(index, meta, first);
    }
}

void
wait_for_split(Relation index, const Meta &meta)
{
    LockPage(index, 0, ShareLock);
    thaw_lists(index, meta);
    UnlockPage(index, 0, ShareLock);
}

} // namespace vx::ivfrabitq
