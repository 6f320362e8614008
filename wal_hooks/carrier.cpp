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
change_pages(const PageDelta *pages, int count) noexcept
{
    Assert(CritSectionCount > 0);
    for (int i = 0; i < count; i++) {
        // Staging has checked every step, so this cannot fail. If it does, the page is half changed
        // and there is nothing to restore it from: as a failure to write WAL.
        if (!apply_page_delta(BufferGetPage(pages[i].buffer), pages[i].delta, pages[i].length))
            elog(PANIC, "staged page edit is not valid");
        MarkBufferDirty(pages[i].buffer);
        VX_FAULT(edit_page_changed);
    }
}

void
stamp_pages(const PageDelta *pages, int count, XLogRecPtr position) noexcept
{
    VX_FAULT(edit_logged);
    for (int i = 0; i < count; i++)
        PageSetLSN(BufferGetPage(pages[i].buffer), position);
    VX_FAULT(edit_stamped);
}

void
apply_without_wal(Relation, const PageDelta *pages, int count)
{
    START_CRIT_SECTION();
    change_pages(pages, count);
    END_CRIT_SECTION();
}

} // namespace vx::wal
