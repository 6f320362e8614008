// SPDX-License-Identifier: PostgreSQL
//
// Row pages, each by itself, in block order.
#include "pg/postgres.hpp"

#include "check/ivfflat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "miscadmin.h"
}

#include "index/common/same_tid.hpp"

namespace vx::check::flat
{

const char *
row_page_problem(const Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    const char *problem = page_problem(walk->page, page::Kind::rows);
    if (problem != nullptr)
        return problem;
    const auto *rows = page::content<page::RowPage>(walk->page);
    if (rows->list >= meta.lists)
        return "the page belongs to a list that does not exist";
    if (rows->count > meta.row_capacity || rows->dead > rows->count ||
        reinterpret_cast<PageHeader>(walk->page)->pd_lower !=
            meta.rows_offset + rows->count * meta.row_bytes)
        return "the page's counts are out of range";
    if ((rows->flags & ~page::kInFreeChain) != 0)
        return "the page has flags that do not exist";
    if (rows->reserved != 0 || rows->reserved2 != 0)
        return "the page's reserved bytes are not zero";
    if (!is_link(walk, rows->next) || !is_link(walk, rows->next_free))
        return "a link leads out of the row pages";
    return nullptr;
}

static void
check_row(Walk *walk, BlockNumber block, const page::RowPage &header, uint32 slot)
{
    const ItemPointerData tid = page::tids(walk->page)[slot];
    const char *problem = nullptr;
    if (slot >= header.count)
        problem = "lies behind the end of its page";
    else if (ItemPointerGetBlockNumberNoCheck(&tid) == InvalidBlockNumber ||
             tid.ip_posid > MaxHeapTuplesPerPage)
        problem = "leads to no place that a table can have";
    if (problem != nullptr) {
        report(walk->check, block, header.list, "row", "row (%u,%u) in slot %u %s",
               ItemPointerGetBlockNumberNoCheck(&tid), tid.ip_posid, slot, problem);
        return;
    }
    note_tid(walk->check, tid, header.list);
    if (walk->check->deep)
        check_stored_row(walk, block, header.list, slot);
}

static void
check_rows(Walk *walk, BlockNumber block)
{
    const page::RowPage header = *page::content<page::RowPage>(walk->page);
    uint32 free = 0;
    for (uint32 slot = 0; slot < walk->meta.page.row_capacity; slot++) {
        if (page::is_live(page::tids(walk->page)[slot]))
            check_row(walk, block, header, slot);
        else
            free += slot < header.count;
    }
    if (free != header.dead)
        report(walk->check, block, header.list, "page",
               "the page has %u free slots and counts %u of them", free, header.dead);
}

void
check_pages(Walk *walk)
{
    for (BlockNumber block = walk->meta.page.first_rows; block < walk->blocks; block++) {
        if (!copy_page(walk->check, block, walk->page)) {
            add(&walk->bad, block);
            continue;
        }
        if (PageIsNew(walk->page)) // left by a crash, or just being appended
            continue;
        const char *problem = row_page_problem(walk);
        if (problem != nullptr) {
            damaged(walk, block, "page", problem);
            continue;
        }
        add(&walk->met, block);
        check_rows(walk, block);
    }
}

// ---- tids that lead nowhere

struct SuspectSlot {
    Walk *walk;
    BlockNumber block;
    uint32 slot;
    ItemPointerData tid;
    bool certain; // out
};

/// With the page locked: vacuum clears a tid before its line pointer can be free.
static void
confirm_body(void *argument)
{
    auto *suspect = static_cast<SuspectSlot *>(argument);
    const Check *check = suspect->walk->check;
    Buffer buffer = ReadBuffer(check->index, suspect->block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    ItemPointerData now = page::tids(BufferGetPage(buffer))[suspect->slot];
    suspect->certain = index::is_same_tid(now, suspect->tid) && leads_nowhere(check, suspect->tid);
    UnlockReleaseBuffer(buffer);
}

static void
check_suspect_page(Walk *walk, BlockNumber block, const SuspectSet &suspects)
{
    const page::RowPage header = *page::content<page::RowPage>(walk->page);
    for (uint32 slot = 0; slot < header.count; slot++) {
        SuspectSlot suspect = {walk, block, slot, page::tids(walk->page)[slot], false};
        if (page::is_live(suspect.tid) && is_suspect(suspects, suspect.tid) &&
            attempt(walk->check, block, "unreadable", confirm_body, &suspect) && suspect.certain)
            report(walk->check, block, header.list, "dangling row",
                   "row (%u,%u) in slot %u is not in the table",
                   ItemPointerGetBlockNumberNoCheck(&suspect.tid), suspect.tid.ip_posid, slot);
    }
}

void
check_suspects(Walk *walk, const SuspectSet &suspects)
{
    for (BlockNumber block = walk->meta.page.first_rows; suspects.count > 0 && block < walk->blocks;
         block++)
        if (has(walk->met, block) && copy_page(walk->check, block, walk->page) &&
            row_page_problem(walk) == nullptr)
            check_suspect_page(walk, block, suspects);
}

} // namespace vx::check::flat
