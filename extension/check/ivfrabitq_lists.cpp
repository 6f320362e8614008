// SPDX-License-Identifier: PostgreSQL
//
// Lists: runs, chains and free chains.
//
// A list is walked without a lock first. Its run and chain only grow, so all slices that were met
// before must be reached; but what is appended meanwhile, and the free chain, which shrinks too,
// may look wrong. Then the list is walked again with its directory page locked: whoever changes
// these links has that lock exclusively.
#include "pg/postgres.hpp"

#include "check/ivfrabitq.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vx::check::rabitq
{

/// One walk over one list.
struct ListWalk {
    Walk *walk;
    uint32 list;
    bool locked;      // the directory page is, by us
    char *page;       // the page at hand
    bool gone;        // out: the list was split meanwhile
    bool interrupted; // out: by a page that was told about
    uint32 marked;    // slices that say they are in the free chain
    uint32 hanging;   // slices that are

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

/// The page's copy in list->page, sound enough to look at its slices. False: a problem.
static bool
read_page_of(ListWalk *list, BlockNumber block, BlockNumber from, const char *kind)
{
    Walk *walk = list->walk;
    if (!list->locked)
        CHECK_FOR_INTERRUPTS();
    if (is_damaged(walk, block)) {
        list->interrupted = true;
        return false;
    }
    if (block >= walk->blocks && block >= RelationGetNumberOfBlocks(walk->check->index)) {
        problem(list, from, kind, "a link leads behind the end of the file");
        return false;
    }
    read_copy(walk->check->index, walk->check->strategy, block, list->page);
    const auto *header = page::content<page::ScanPage>(list->page);
    if (page_problem(list->page, page::Kind::scan) != nullptr ||
        header->slice_count > walk->meta.page.groups_per_page) {
        problem(list, from, kind, "a link leads to a page that has no slices");
        return false;
    }
    return true;
}

/// The slice there, which must be the list's. nullptr: a problem, or the walk cannot go on.
static const page::Slice *
visit(ListWalk *list, page::SlicePointer where, BlockNumber from, const char *kind)
{
    if (!read_page_of(list, where.block, from, kind))
        return nullptr;
    const auto *header = page::content<page::ScanPage>(list->page);
    if (where.slice >= header->slice_count) {
        problem(list, from, kind, "a link leads to a slice that does not exist");
        return nullptr;
    }
    const page::Slice *slice = page::slices(list->page) + where.slice;
    if (slice->list != list->list) {
        problem(list, from, kind, "a link leads to another list's slice");
        return nullptr;
    }
    return slice;
}

static void
note_slice(ListWalk *list, page::SlicePointer where, const page::Slice &slice)
{
    add(&list->walk->reached, number_of(list->walk, where));
    list->marked += (slice.flags & page::kInFreeChain) != 0;
}

static bool
walk_run(ListWalk *list, const page::ListEntry &entry, BlockNumber directory)
{
    for (uint32 i = 0; i < entry.run_pages; i++) {
        const page::SlicePointer where = {entry.run_start + i, 0};
        const page::Slice *slice = visit(list, where, directory, "chain");
        if (slice == nullptr)
            return false;
        if (slice->first_group != 0 || slice->groups != list->walk->meta.page.groups_per_page ||
            page::content<page::ScanPage>(list->page)->slice_count != 1 ||
            page::is_valid(slice->next)) {
            problem(list, where.block, "chain", "a page of a run is not one whole slice");
            return false;
        }
        note_slice(list, where, *slice);
    }
    return true;
}

static bool
walk_chain(ListWalk *list, const page::ListEntry &entry, BlockNumber directory)
{
    RingGuard ring;
    page::SlicePointer last = page::kNoSlice;
    BlockNumber from = directory;
    for (page::SlicePointer next = entry.first; page::is_valid(next);) {
        if (ring.closes(number_of(list->walk, next))) {
            problem(list, next.block, "chain", "the slices of the list form a ring");
            return false;
        }
        const page::Slice *slice = visit(list, next, from, "chain");
        if (slice == nullptr)
            return false;
        note_slice(list, next, *slice);
        last = next;
        from = next.block;
        next = slice->next;
    }
    if (last.block != entry.tail.block ||
        (page::is_valid(last) && last.slice != entry.tail.slice)) {
        problem(list, directory, "chain", "the list does not end at its last slice");
        return false;
    }
    return true;
}

static void
walk_free_chain(ListWalk *list, const page::ListEntry &entry, BlockNumber directory)
{
    RingGuard ring;
    BlockNumber from = directory;
    for (page::SlicePointer next = entry.free; page::is_valid(next);) {
        if (ring.closes(number_of(list->walk, next)))
            return problem(list, next.block, "free chain", "the free chain is a ring");
        const page::Slice *slice = visit(list, next, from, "free chain");
        if (slice == nullptr)
            return;
        if (!(slice->flags & page::kInFreeChain))
            return problem(list, next.block, "free chain",
                           "a slice of the free chain is not marked as such");
        list->hanging++;
        from = next.block;
        next = slice->next_free;
    }
    if (list->hanging != list->marked)
        problem(list, directory, "free chain",
                "a slice is marked as being in the free chain, and is not");
}

static void
walk_list(ListWalk *list, const page::ListEntry &entry)
{
    list->gone = list->interrupted = false;
    list->marked = list->hanging = 0;
    list->kind = nullptr;
    if (!exists_still(list->walk, list->list, entry)) {
        list->gone = true;
        return;
    }
    const BlockNumber directory = ivfrabitq::directory_block(list->walk->meta, list->list);
    if (walk_run(list, entry, directory) && walk_chain(list, entry, directory))
        walk_free_chain(list, entry, directory);
}

static void
walk_body(void *argument)
{
    auto *list = static_cast<ListWalk *>(argument);
    Buffer directory = ReadBuffer(list->walk->check->index,
                                  ivfrabitq::directory_block(list->walk->meta, list->list));
    LockBuffer(directory, BUFFER_LOCK_SHARE);
    const page::ListEntry entry = *entry_in(list->walk, BufferGetPage(directory), list->list);
    if (!list->locked)
        UnlockReleaseBuffer(directory);
    walk_list(list, entry);
    if (list->locked)
        UnlockReleaseBuffer(directory);
}

static void
check_list(Walk *walk, ListWalk *list)
{
    list->locked = false;
    if (!attempt(walk->check, kNone, "chain", walk_body, list))
        return;
    if (list->kind != nullptr) {
        list->locked = true;
        if (!attempt(walk->check, kNone, "chain", walk_body, list))
            return;
    }
    walk->walked[list->list] = list->kind == nullptr && !list->gone && !list->interrupted;
    if (list->kind != nullptr)
        report(walk->check, list->block, list->list, list->kind, "%s", list->text);
}

/// Slices that the pages have and the lists do not lead to.
static void
check_unreached(Walk *walk, BlockNumber block)
{
    bool missing = false;
    for (uint32 i = 0; i < walk->meta.page.groups_per_page; i++) {
        const uint64 number = number_of(walk, {block, i});
        missing |= has(walk->met, number) && !has(walk->reached, number);
    }
    if (!missing || !copy_page(walk->check, block, walk->page))
        return;
    const uint32 count = page::content<page::ScanPage>(walk->page)->slice_count;
    for (uint32 i = 0; i < count && i < walk->meta.page.groups_per_page; i++) {
        const uint64 number = number_of(walk, {block, i});
        const uint32 list = page::slices(walk->page)[i].list;
        if (has(walk->met, number) && !has(walk->reached, number) && list < walk->meta.page.lists &&
            walk->walked[list])
            report(walk->check, block, list, "unreachable",
                   "slice %u is the list's, but the list does not lead to it", i);
    }
}

void
check_lists(Walk *walk)
{
    ListWalk list = {};
    list.walk = walk;
    list.page = walk->page;
    for (list.list = 0; list.list < walk->meta.page.lists; list.list++) {
        CHECK_FOR_INTERRUPTS();
        if (existed(walk, list.list))
            check_list(walk, &list);
    }
    for (BlockNumber block = walk->meta.page.first_scan; block < walk->blocks; block++)
        check_unreached(walk, block);
}

// ---- places that no list has

struct VacantSlice {
    Walk *walk;
    BlockNumber block;
    uint32 number;
    uint32 list;
    bool certain; // out
};

/// A split writes the entry before its first slice, and vacuum frees the slices before the entry.
static void
vacant_body(void *argument)
{
    auto *vacant = static_cast<VacantSlice *>(argument);
    Walk *walk = vacant->walk;
    Buffer directory =
        ReadBuffer(walk->check->index, ivfrabitq::directory_block(walk->meta, vacant->list));
    LockBuffer(directory, BUFFER_LOCK_SHARE);
    Buffer buffer = ReadBuffer(walk->check->index, vacant->block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    vacant->certain =
        (entry_in(walk, BufferGetPage(directory), vacant->list)->flags & page::kVacant) != 0 &&
        vacant->number < page::content<page::ScanPage>(page)->slice_count &&
        page::slices(page)[vacant->number].list == vacant->list;
    UnlockReleaseBuffer(buffer);
    UnlockReleaseBuffer(directory);
}

void
check_vacant(Walk *walk, BlockNumber block, uint32 number, uint32 list)
{
    VacantSlice vacant = {walk, block, number, list, false};
    if (attempt(walk->check, block, "unreadable", vacant_body, &vacant) && vacant.certain)
        report(walk->check, block, list, "slice", "slice %u belongs to a place without a list",
               number);
}

} // namespace vx::check::rabitq
