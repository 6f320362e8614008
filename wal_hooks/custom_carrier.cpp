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

static uint8
page_flags(const PageDelta &page)
{
    uint8 flags = REGBUF_STANDARD;
    if (page.initialise)
        flags |= REGBUF_WILL_INIT;
    if (is_planted(PlantedBug::missing_page_image))
        flags |= REGBUF_NO_IMAGE;
    return flags;
}

static void
register_page(uint8 id, const PageDelta &page)
{
    if (page.length > kMaxLoggedDelta) {
        XLogRegisterBuffer(id, page.buffer, REGBUF_STANDARD | REGBUF_FORCE_IMAGE);
        return;
    }
    XLogRegisterBuffer(id, page.buffer, page_flags(page));
    XLogRegisterBufData(id, const_cast<char *>(page.delta), static_cast<int>(page.length));
}

static void
apply_edit(const Edit &edit)
{
    START_CRIT_SECTION();
    change_pages(edit);
    XLogBeginInsert();
    for (int i = 0; i < edit.count; i++)
        register_page(static_cast<uint8>(i), edit.pages[i]);
    stamp_pages(edit, XLogInsert(kResourceManagerId, static_cast<uint8>(Record::edit)));
    END_CRIT_SECTION();
}

static void
apply_row(const Edit &edit)
{
    auto *bytes = static_cast<uint8 *>(palloc(most_row_bytes(edit.row->shape)));
    const Size length = write_row(*edit.row, bytes);

    START_CRIT_SECTION();
    change_pages(edit);
    XLogBeginInsert();
    XLogRegisterData(reinterpret_cast<char *>(bytes), static_cast<int>(length));
    for (int i = 0; i < edit.count; i++)
        XLogRegisterBuffer(static_cast<uint8>(i), edit.pages[i].buffer, page_flags(edit.pages[i]));
    stamp_pages(edit, XLogInsert(kResourceManagerId, static_cast<uint8>(Record::row)));
    END_CRIT_SECTION();
    pfree(bytes);
}

void
apply_with_custom_wal(Relation, const Edit &edit)
{
    if (edit.row != nullptr)
        apply_row(edit);
    else
        apply_edit(edit);
}

} // namespace vx::wal
