// SPDX-License-Identifier: PostgreSQL
//
// Scan pages and fine pages, each by itself, in block order; then each scan page against its fine
// pages.
#include "pg/postgres.hpp"

#include "check/ivfrabitq.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vx::check::rabitq
{

/// Where the pass is, behind the pages of the build.
struct Extents {
    BlockNumber unused_since; // pages that no extent has; Invalid: the last page was no such page
    uint32 orphans;           // fine pages that may follow: those of a scan page that is damaged
};

static void
damaged(Walk *walk, BlockNumber block, const char *kind, const char *problem)
{
    report(walk->check, block, kNone, kind, "%s", problem);
    add(&walk->bad, block);
}

// ---- fine pages

const char *
fine_page_problem(const Walk *walk, char *page, BlockNumber block)
{
    const page::MetaPage &meta = walk->meta.page;
    const char *problem = page_problem(page, page::Kind::fine);
    if (problem != nullptr)
        return problem;
    const auto *content = page::content<page::FinePage>(page);
    if (content->reserved[0] != 0 || content->reserved[1] != 0)
        return "the page's reserved bytes are not zero";
    const uint32 lower = reinterpret_cast<PageHeader>(page)->pd_lower;
    const bool built = block < meta.first_scan + meta.scan_pages + meta.fine_pages;
    const uint32 full = page::kFineOffset + meta.fine_per_page * meta.fine_bytes;
    if (lower < page::kFineOffset || lower > full || (built && lower != full) ||
        (lower - page::kFineOffset) % meta.fine_bytes != 0)
        return "the end of the page's content is out of range";
    return nullptr;
}

/// Copies a fine page into walk->fine. False: it was told about.
static bool
read_fine(Walk *walk, BlockNumber block, bool may_be_zero)
{
    walk->fine_block = InvalidBlockNumber;
    if (!copy_page(walk->check, block, walk->fine)) {
        add(&walk->bad, block);
        return false;
    }
    if (may_be_zero && PageIsNew(walk->fine))
        return true;
    const char *problem = fine_page_problem(walk, walk->fine, block);
    if (problem == nullptr)
        return true;
    damaged(walk, block, "page", problem);
    return false;
}

static void
check_built_fine_pages(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    const BlockNumber first = meta.first_scan + meta.scan_pages;
    for (uint32 i = 0; i < meta.fine_pages; i++)
        read_fine(walk, first + i, false);
}

/// How many records from `first` on the page's rows need: up to the last row's.
static uint32
records_needed(const Walk *walk, uint32 first)
{
    const page::MetaPage &meta = walk->meta.page;
    const ItemPointerData *tids = page::tids(meta, walk->page);
    const uint32 used = page::content<page::ScanPage>(walk->page)->groups_used * kGroupRows;
    for (uint32 slot = Min(first + meta.fine_per_page, used); slot > first; slot--)
        if (page::is_live(tids[slot - 1]))
            return slot - first;
    return 0;
}

/// The fine pages of an extent, read after its scan page: each row there has its record here.
static void
check_extent_fine_pages(Walk *walk, BlockNumber scan_block)
{
    const page::MetaPage &meta = walk->meta.page;
    for (uint32 i = 0; i < walk->meta.extent_fine_pages(); i++) {
        if (!read_fine(walk, scan_block + 1 + i, true))
            continue;
        const uint32 lower = PageIsNew(walk->fine)
                                 ? page::kFineOffset
                                 : reinterpret_cast<PageHeader>(walk->fine)->pd_lower;
        const uint32 records = (lower - page::kFineOffset) / meta.fine_bytes;
        const uint32 needed = records_needed(walk, i * meta.fine_per_page);
        if (records < needed)
            report(walk->check, scan_block + 1 + i, kNone, "fine",
                   "the page has %u records, but rows of block %u need %u", records, scan_block,
                   needed);
    }
}

// ---- scan pages

/// A fine page that a scan page names follows from where the scan page is.
static const char *
fine_link_problem(const Walk *walk, BlockNumber block, const page::ScanPage &header)
{
    const ivfrabitq::FinePlace place = ivfrabitq::fine_place(walk->meta, block);
    if (header.fine_block != place.block || header.fine_slot != place.slot)
        return "the page's fine codes are not where they should be";
    return nullptr;
}

static const char *
slice_problem(const Walk *walk, const page::ScanPage &header, const page::Slice &slice)
{
    if (slice.groups == 0 || uint32{slice.first_group} + slice.groups > header.groups_used)
        return "has groups that the page does not use";
    if (slice.list != page::kNoList && slice.list >= walk->meta.page.list_capacity)
        return "belongs to a list that cannot exist";
    if (slice.count > slice.groups * kGroupRows || slice.dead > slice.count)
        return "has counts that are out of range";
    if ((slice.flags & ~page::kInFreeChain) != 0)
        return "has flags that do not exist";
    if (!is_link(walk, slice.next) || !is_link(walk, slice.next_free))
        return "has a link that leads out of the scan pages";
    if (slice.list == page::kNoList && (slice.count != 0 || slice.flags != 0))
        return "belongs to no list and has rows or flags";
    return nullptr;
}

static const char *
scan_header_problem(const Walk *walk, const page::ScanPage &header)
{
    const page::MetaPage &meta = walk->meta.page;
    const char *problem = page_problem(walk->page, page::Kind::scan);
    if (problem != nullptr)
        return problem;
    if (header.slice_count > meta.groups_per_page || header.groups_used > meta.groups_per_page)
        return "the page has more slices or groups than fit";
    if (reinterpret_cast<PageHeader>(walk->page)->pd_lower !=
        meta.groups_offset + header.groups_used * meta.group_bytes)
        return "the end of the page's content is out of range";
    if (header.flags != 0 || header.reserved != 0)
        return "the page's reserved bytes are not zero";
    return nullptr;
}

const char *
scan_page_problem(const Walk *walk)
{
    const page::ScanPage header = *page::content<page::ScanPage>(walk->page);
    const char *problem = scan_header_problem(walk, header);
    for (uint32 i = 0; problem == nullptr && i < header.slice_count; i++)
        problem = slice_problem(walk, header, page::slices(walk->page)[i]);
    return problem;
}

/// The slices have the groups in use between them, none twice.
static bool
check_groups(Walk *walk, BlockNumber block, const page::ScanPage &header)
{
    bool owned[256] = {};
    uint32 groups = 0;
    for (uint32 i = 0; i < header.slice_count; i++) {
        const page::Slice &slice = page::slices(walk->page)[i];
        const char *problem = slice_problem(walk, header, slice);
        for (uint32 k = 0; problem == nullptr && k < slice.groups; k++, groups++) {
            if (owned[slice.first_group + k])
                problem = "has a group that another slice has too";
            owned[slice.first_group + k] = true;
        }
        if (problem == nullptr)
            continue;
        report(walk->check, block, slice.list < walk->meta.page.lists ? slice.list : kNone, "slice",
               "slice %u %s", i, problem);
        add(&walk->bad, block);
        return false;
    }
    if (groups == header.groups_used)
        return true;
    damaged(walk, block, "slice", "the slices do not have all groups that the page uses");
    return false;
}

/// The page in walk->page, but for its rows. False: it was told about.
static bool
check_form(Walk *walk, BlockNumber block)
{
    const page::ScanPage header = *page::content<page::ScanPage>(walk->page);
    const char *problem = scan_header_problem(walk, header);
    if (problem != nullptr) {
        damaged(walk, block, "page", problem);
        return false;
    }
    problem = fine_link_problem(walk, block, header);
    if (problem != nullptr) {
        damaged(walk, block, "fine", problem);
        return false;
    }
    return check_groups(walk, block, header);
}

static void
check_scan_page(Walk *walk, BlockNumber block)
{
    if (!check_form(walk, block))
        return;
    const uint32 count = page::content<page::ScanPage>(walk->page)->slice_count;
    for (uint32 i = 0; i < count; i++) {
        const page::Slice slice = page::slices(walk->page)[i];
        if (slice.list == page::kNoList)
            continue;
        if (existed(walk, slice.list))
            add(&walk->met, number_of(walk, {block, i}));
        else if (slice.list < walk->meta.page.lists && walk->known[slice.list] &&
                 (walk->entries[slice.list].flags & page::kVacant))
            check_vacant(walk, block, i, slice.list);
        check_slots(walk, block, slice);
    }
}

// ---- what inserts appended

/// Of an extent that was never used: zeroes, or a fine page without records, as the last of them.
static bool
is_unused(char *page)
{
    return PageIsNew(page) || (page_problem(page, page::Kind::fine) == nullptr &&
                               reinterpret_cast<PageHeader>(page)->pd_lower <= page::kFineOffset);
}

/// A fine page with records follows unused pages. Has one of them become its scan page meanwhile?
static BlockNumber
find_scan_page(Walk *walk, BlockNumber first, BlockNumber end)
{
    for (BlockNumber block = first; block < end; block++)
        if (copy_page(walk->check, block, walk->page) &&
            page_problem(walk->page, page::Kind::scan) == nullptr)
            return block;
    return InvalidBlockNumber;
}

static BlockNumber
check_orphan(Walk *walk, Extents *extents, BlockNumber block)
{
    if (extents->orphans > 0) {
        extents->orphans--;
        return block + 1;
    }
    if (extents->unused_since != InvalidBlockNumber) {
        const BlockNumber found = find_scan_page(walk, extents->unused_since, block);
        extents->unused_since = InvalidBlockNumber;
        if (found != InvalidBlockNumber)
            return found;
    }
    damaged(walk, block, "fine", "no scan page has the fine codes of this page");
    return block + 1;
}

/// A scan page is made only when its extent is complete.
static bool
has_whole_extent(Walk *walk, BlockNumber block)
{
    const BlockNumber end = block + 1 + walk->meta.extent_fine_pages();
    if (end <= walk->blocks || end <= RelationGetNumberOfBlocks(walk->check->index))
        return true;
    report(walk->check, block, kNone, "fine", "the file ends before the page's fine codes");
    return false;
}

/// Returns the next block to visit.
static BlockNumber
check_extent(Walk *walk, Extents *extents, BlockNumber block)
{
    if (!copy_page(walk->check, block, walk->page)) {
        add(&walk->bad, block);
        extents->orphans = walk->meta.extent_fine_pages();
        return block + 1;
    }
    if (is_unused(walk->page)) {
        if (extents->unused_since == InvalidBlockNumber)
            extents->unused_since = block;
        extents->orphans -= extents->orphans > 0;
        return block + 1;
    }
    if (page_problem(walk->page, page::Kind::fine) == nullptr)
        return check_orphan(walk, extents, block);

    *extents = {InvalidBlockNumber, 0};
    check_scan_page(walk, block);
    if (is_damaged(walk, block)) {
        extents->orphans = walk->meta.extent_fine_pages();
        return block + 1;
    }
    if (!has_whole_extent(walk, block))
        return walk->blocks;
    check_extent_fine_pages(walk, block);
    return block + 1 + walk->meta.extent_fine_pages();
}

void
check_pages(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    for (uint32 i = 0; i < meta.scan_pages; i++) {
        if (copy_page(walk->check, meta.first_scan + i, walk->page))
            check_scan_page(walk, meta.first_scan + i);
        else
            add(&walk->bad, meta.first_scan + i);
    }
    check_built_fine_pages(walk);
    Extents extents = {InvalidBlockNumber, 0};
    for (BlockNumber block = meta.first_scan + meta.scan_pages + meta.fine_pages;
         block < walk->blocks;)
        block = check_extent(walk, &extents, block);
}

} // namespace vx::check::rabitq
