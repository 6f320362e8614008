// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/carrier.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

namespace vx::wal
{

void
apply_with_generic_wal(Relation relation, const PageDelta *pages, int count)
{
    GenericXLogState *state = GenericXLogStart(relation);
    for (int i = 0; i < count; i++) {
        const int flags = pages[i].initialise ? GENERIC_XLOG_FULL_IMAGE : 0;
        Page image = GenericXLogRegisterBuffer(state, pages[i].buffer, flags);
        if (!apply_page_delta(image, pages[i]))
            elog(ERROR, "staged page edit is not valid");
    }
    GenericXLogFinish(state);
}

void
apply_unlogged(const PageDelta *pages, int count)
{
    bool valid = true;

    START_CRIT_SECTION();
    for (int i = 0; i < count; i++) {
        valid &= apply_page_delta(BufferGetPage(pages[i].buffer), pages[i]);
        MarkBufferDirty(pages[i].buffer);
    }
    if (!valid) // half changed, and nothing to restore it from: as a failure to write WAL
        elog(PANIC, "staged page edit is not valid");
    END_CRIT_SECTION();
}

} // namespace vx::wal
