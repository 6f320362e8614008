// SPDX-License-Identifier: PostgreSQL
//
// Lists: runs, chains and free chains; first without a lock, then, if something looks wrong, with
// the directory page locked, as ivfrabitq_lists.cpp does and argues.
#include "pg/postgres.hpp"

#include "check/ivfflat.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vx::check::flat
{

/// One walk over one list.
struct ListWalk {
    Walk *walk;
    uint32 list;
    bool locked;      // the directory page is, by us
    bool interrupted; // out: by a page that was told about
    uint32 marked;    // pages that say they are in the free chain
    uint32 hanging;   // pages that are

    const char *kind; // out: the first problem; nullptr: none
    int64 block;
    const char *text;
};

static void
problem(ListWalk *list, int64 block, const char *kind, const char *text)
{
    list->kind = kind;
    list->block = block;
    list->text = text;
}

/// The row page there, which must be the list's. nullptr: a problem, or the walk cannot go on.
static const page::RowPage *
visit(ListWalk *list, BlockNumber block, BlockNumber from, const char *kind)
{
    Walk *walk = list->walk;
    if (!list->locked)
        CHECK_FOR_INTERRUPTS();
    if (is_damaged(walk, block)) {
        list->interrupted = true;
        return nullptr;
    }
    if (block >= walk->blocks && block >= RelationGetNumberOfBlocks(walk->check->index)) {
        problem(list, from, kind, "a link leads behind the end of the file");
        return nullptr;
    }
    read_copy(walk->check->index, walk->check->strategy, block, walk->page);
    const auto *rows = page::content<page::RowPage>(walk->page);
    if (page_problem(walk->page, page::Kind::rows) != nullptr) {
        problem(list, from, kind, "a link leads to a page that has no rows");
        return nullptr;
    }
    if (rows->list != list->list) {
        problem(list, from, kind, "a link leads to another list's page");
        return nullptr;
    }
    return rows;
}

static void
note_page(ListWalk *list, BlockNumber block, const page::RowPage &rows)
{
    add(&list->walk->reached, block);
    list->marked += (rows.flags & page::kInFreeChain) != 0;
}

static bool
walk_run(ListWalk *list, const page::ListEntry &entry, BlockNumber directory)
{
    for (uint32 i = 0; i < entry.run_pages; i++) {
        const BlockNumber block = entry.run_start + i;
        const page::RowPage *rows = visit(list, block, directory, "chain");
        if (rows == nullptr)
            return false;
        if (rows->next != InvalidBlockNumber) {
            problem(list, block, "chain", "a page of a run has a next page");
            return false;
        }
        note_page(list, block, *rows);
    }
    return true;
}

static bool
walk_chain(ListWalk *list, const page::ListEntry &entry, BlockNumber directory)
{
    RingGuard ring;
    BlockNumber last = InvalidBlockNumber;
    BlockNumber from = directory;
    for (BlockNumber next = entry.chain_head; next != InvalidBlockNumber;) {
        if (ring.closes(next)) {
            problem(list, next, "chain", "the pages of the list form a ring");
            return false;
        }
        const page::RowPage *rows = visit(list, next, from, "chain");
        if (rows == nullptr)
            return false;
        note_page(list, next, *rows);
        last = from = next;
        next = rows->next;
    }
    if (last != entry.chain_tail)
        problem(list, directory, "chain", "the list does not end at its last page");
    return last == entry.chain_tail;
}

static void
walk_free_chain(ListWalk *list, const page::ListEntry &entry, BlockNumber directory)
{
    RingGuard ring;
    BlockNumber from = directory;
    for (BlockNumber next = entry.free_head; next != InvalidBlockNumber;) {
        if (ring.closes(next))
            return problem(list, next, "free chain", "the free chain is a ring");
        const page::RowPage *rows = visit(list, next, from, "free chain");
        if (rows == nullptr)
            return;
        if (!(rows->flags & page::kInFreeChain))
            return problem(list, next, "free chain",
                           "a page of the free chain is not marked as such");
        list->hanging++;
        from = next;
        next = rows->next_free;
    }
    if (list->hanging != list->marked)
        problem(list, directory, "free chain",
                "a page is marked as being in the free chain, and is not");
}

static void
walk_list(ListWalk *list, const page::ListEntry &entry)
{
    list->interrupted = false;
    list->marked = list->hanging = 0;
    list->kind = nullptr;
    const BlockNumber directory = ivf::directory_block(list->walk->meta, list->list);
    if (walk_run(list, entry, directory) && walk_chain(list, entry, directory))
        walk_free_chain(list, entry, directory);
}

static void
walk_body(void *argument)
{
    auto *list = static_cast<ListWalk *>(argument);
    const Meta &meta = list->walk->meta;
    Relation index = list->walk->check->index;
    Buffer directory = ReadBuffer(index, ivf::directory_block(meta, list->list));
    LockBuffer(directory, BUFFER_LOCK_SHARE);
    const page::ListEntry entry = *ivf::find_entry(index, meta, directory, list->list);
    if (!list->locked)
        UnlockReleaseBuffer(directory);
    walk_list(list, entry);
    if (list->locked)
        UnlockReleaseBuffer(directory);
}

static void
check_list(Walk *walk, ListWalk *list)
{
    walk->walked[list->list] = false;
    list->locked = false;
    if (!attempt(walk->check, kNone, "chain", walk_body, list))
        return;
    if (list->kind != nullptr) {
        list->locked = true;
        if (!attempt(walk->check, kNone, "chain", walk_body, list))
            return;
    }
    walk->walked[list->list] = list->kind == nullptr && !list->interrupted;
    if (list->kind != nullptr)
        report(walk->check, list->block, list->list, list->kind, "%s", list->text);
}

void
check_lists(Walk *walk)
{
    ListWalk list = {};
    list.walk = walk;
    for (list.list = 0; list.list < walk->meta.page.lists; list.list++) {
        CHECK_FOR_INTERRUPTS();
        if (walk->walked[list.list])
            check_list(walk, &list);
    }
    for (BlockNumber block = walk->meta.page.first_rows; block < walk->blocks; block++) {
        if (!has(walk->met, block) || has(walk->reached, block) ||
            !copy_page(walk->check, block, walk->page))
            continue;
        const uint32 owner = page::content<page::RowPage>(walk->page)->list;
        if (owner < walk->meta.page.lists && walk->walked[owner])
            report(walk->check, block, owner, "unreachable",
                   "the page is the list's, but the list does not lead to it");
    }
}

} // namespace vx::check::flat
