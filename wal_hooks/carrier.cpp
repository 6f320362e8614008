// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/carrier.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

#include "wal_hooks/fault.hpp"

namespace vx::wal
{

void
change_pages(const Edit &edit) noexcept
{
    Assert(CritSectionCount > 0);
    for (int i = 0; i < edit.count; i++) {
        // Staging has checked every step, so this cannot fail. If it does, the page is half changed
        // and there is nothing to restore it from: as a failure to write WAL.
        const PageDelta &page = edit.pages[i];
        if (!apply_page_delta(BufferGetPage(page.buffer), page.delta, page.length))
            elog(PANIC, "staged page edit is not valid");
        MarkBufferDirty(page.buffer);
        VX_FAULT(edit_page_changed);
    }
}

void
stamp_pages(const Edit &edit, XLogRecPtr position) noexcept
{
    VX_FAULT(edit_logged);
    for (int i = 0; i < edit.count; i++)
        PageSetLSN(BufferGetPage(edit.pages[i].buffer), position);
    VX_FAULT(edit_stamped);
}

void
apply_without_wal(Relation, const Edit &edit)
{
    START_CRIT_SECTION();
    change_pages(edit);
    END_CRIT_SECTION();
}

} // namespace vx::wal
