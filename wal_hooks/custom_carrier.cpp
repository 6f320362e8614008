// SPDX-License-Identifier: PostgreSQL
//
// Writes the records of our own resource manager, by the seven steps of PostgreSQL's
// access/transam/README: pins and locks are the caller's (1, 7), the rest is here.
#include "pg/postgres.hpp"

#include "wal_hooks/carrier.hpp"

extern "C" {
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

#include "wal_hooks/fault.hpp"
#include "wal_hooks/records.hpp"

namespace vx::wal
{

/// A delta as large as the page is no gain, and one of 64 KB could not be logged at all.
constexpr uint32 kMaxLoggedDelta = BLCKSZ;

static void
register_page(uint8 id, const PageDelta &page)
{
    if (page.length > kMaxLoggedDelta) {
        XLogRegisterBuffer(id, page.buffer, REGBUF_STANDARD | REGBUF_FORCE_IMAGE);
        return;
    }
    uint8 flags = page.initialise ? REGBUF_WILL_INIT : 0;
    if (is_planted(PlantedBug::missing_page_image))
        flags |= REGBUF_NO_IMAGE;
    XLogRegisterBuffer(id, page.buffer, REGBUF_STANDARD | flags);
    XLogRegisterBufData(id, const_cast<char *>(page.delta), static_cast<int>(page.length));
}

void
apply_with_custom_wal(Relation, const PageDelta *pages, int count)
{
    START_CRIT_SECTION();
    change_pages(pages, count);
    XLogBeginInsert();
    for (int i = 0; i < count; i++)
        register_page(static_cast<uint8>(i), pages[i]);
    stamp_pages(pages, count, XLogInsert(kResourceManagerId, static_cast<uint8>(Record::edit)));
    END_CRIT_SECTION();
}

} // namespace vx::wal
