// SPDX-License-Identifier: PostgreSQL
//
// PostgreSQL's Generic WAL records, made from the staged steps and replayed by PostgreSQL's own
// redo. GenericXLogFinish() would find out what changed by comparing two copies of each page byte
// by byte, most of an insert's time; an edit knows it. What Generic redo wants of a page is
//
//     +--------+--------+--------------+--------+------ - -
//     | offset | length | length bytes | offset | ...         uint16, native byte order
//     +--------+--------+--------------+--------+------ - -
#include "pg/postgres.hpp"

#include "wal_hooks/carrier.hpp"

extern "C" {
#include "access/rmgr.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

#include "wal_hooks/fault.hpp"
#include "wal_hooks/page_edit.hpp"

namespace vx::wal
{

constexpr uint32 kFragmentHeaderBytes = 2 * sizeof(uint16);

struct Fragments {
    bool image; // log the page as a whole
    char *bytes;
    uint32 length;
};

/// How many bytes its fragments take. A nibble is half of one.
static uint32
fragment_bytes(const PageDelta &page)
{
    DeltaReader reader(page.delta, page.length, kPageBounds);
    Step step;
    uint32 bytes = 0;
    while (reader.next(&step))
        bytes += has_nibbles(step.operation) ? step.count * (kFragmentHeaderBytes + 1)
                                             : kFragmentHeaderBytes + step.count;
    return bytes;
}

static char *
put_fragment(char *out, Page page, uint32 offset, uint32 length) noexcept
{
    uint32 place = offset;
    if (is_planted(PlantedBug::wrong_redo_offset) && length == sizeof(ItemPointerData))
        place += length;
    const uint16 head[] = {static_cast<uint16>(place), static_cast<uint16>(length)};
    static_assert(sizeof(head) == kFragmentHeaderBytes);
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), page + offset, length);
    return out + sizeof(head) + length;
}

/// With the bytes that the changed page has: where steps overlap, the last one's.
static void
fill_fragments(Fragments *fragments, const PageDelta &delta) noexcept
{
    Page page = BufferGetPage(delta.buffer);
    DeltaReader reader(delta.delta, delta.length, kPageBounds);
    Step step;
    char *out = fragments->bytes;
    while (reader.next(&step)) {
        if (!has_nibbles(step.operation)) {
            out = put_fragment(out, page, step.offset, step.count);
            continue;
        }
        for (uint32 i = 0; i < step.count; i++)
            out = put_fragment(out, page, step.offset + i * step.stride, 1);
    }
    fragments->length = static_cast<uint32>(out - fragments->bytes);
}

static void
register_page(uint8 id, const PageDelta &page, const Fragments &fragments)
{
    uint8 flags = REGBUF_STANDARD;
    if (fragments.image)
        flags |= REGBUF_FORCE_IMAGE;
    else if (is_planted(PlantedBug::missing_page_image))
        flags |= REGBUF_NO_IMAGE;
    XLogRegisterBuffer(id, page.buffer, flags);
    if (!fragments.image)
        XLogRegisterBufData(id, fragments.bytes, static_cast<int>(fragments.length));
}

void
apply_with_generic_wal(Relation, const Edit &edit)
{
    Fragments fragments[kMaxPagesPerEdit];
    for (int i = 0; i < edit.count; i++) {
        const uint32 bytes = fragment_bytes(edit.pages[i]);
        // Generic redo cannot initialise a page
        fragments[i].image = edit.pages[i].initialise || bytes >= BLCKSZ;
        fragments[i].bytes = fragments[i].image ? nullptr : static_cast<char *>(palloc(bytes));
    }

    START_CRIT_SECTION();
    change_pages(edit);
    XLogBeginInsert();
    for (int i = 0; i < edit.count; i++) {
        if (!fragments[i].image)
            fill_fragments(&fragments[i], edit.pages[i]);
        register_page(static_cast<uint8>(i), edit.pages[i], fragments[i]);
    }
    stamp_pages(edit, XLogInsert(RM_GENERIC_ID, 0));
    END_CRIT_SECTION();

    for (int i = 0; i < edit.count; i++)
        if (!fragments[i].image)
            pfree(fragments[i].bytes);
}

} // namespace vx::wal
