// SPDX-License-Identifier: PostgreSQL
//
// The check of an ivfflat index: invariants of index/ivf/README.md. The order of its parts is that
// of ivfrabitq.cpp, for the same reason.
#include "pg/postgres.hpp"

#include "check/ivfflat.hpp"

#include <cmath>

namespace vx::check
{

namespace flat
{

const char *
page_problem(char *page, page::Kind kind)
{
    const char *problem = header_problem(page, page::kContentEnd);
    if (problem != nullptr)
        return problem;
    const page::Special *special = page::special(page);
    if (special->page_id != page::kPageId)
        return "the page is not one of an ivfflat index";
    if (special->kind != kind)
        return "the page is of another kind than expected here";
    if (special->reserved != 0)
        return "the page's reserved bytes are not zero";
    return nullptr;
}

void
damaged(Walk *walk, BlockNumber block, const char *kind, const char *problem)
{
    report(walk->check, block, kNone, kind, "%s", problem);
    add(&walk->bad, block);
}

bool
read_table_page(Walk *walk, BlockNumber block, page::Kind kind, Size lower)
{
    if (!copy_page(walk->check, block, walk->page)) {
        add(&walk->bad, block);
        return false;
    }
    const char *problem = page_problem(walk->page, kind);
    if (problem == nullptr && reinterpret_cast<PageHeader>(walk->page)->pd_lower != lower)
        problem = "the end of the page's content is out of range";
    if (problem != nullptr)
        damaged(walk, block, "page", problem);
    return problem == nullptr;
}

// ---- metapage

static void
read_meta_body(void *argument)
{
    auto *walk = static_cast<Walk *>(argument);
    ivf::forget_meta(walk->check->index);
    walk->meta = ivf::get_meta(walk->check->index);
}

static bool
check_metapage(Walk *walk)
{
    Check *check = walk->check;
    // its content first: of a page of a foreign format that tells more
    if (!copy_page(check, 0, walk->page) || !attempt(check, 0, "metapage", read_meta_body, walk))
        return false;
    const char *problem = page_problem(walk->page, page::Kind::meta);
    if (problem == nullptr && reinterpret_cast<PageHeader>(walk->page)->pd_lower !=
                                  page::kContentOffset + sizeof(page::MetaPage))
        problem = "the end of the page's content is out of range";
    if (problem != nullptr)
        report(check, 0, kNone, "metapage", "%s", problem);
    walk->blocks = RelationGetNumberOfBlocks(check->index);
    if (walk->blocks >= walk->meta.page.first_rows)
        return true;
    report(check, 0, kNone, "metapage", "the file ends at block %u, before the row pages at %u",
           walk->blocks, walk->meta.page.first_rows);
    return false;
}

// ---- centroids and directory

static bool
has_lists(Walk *walk, BlockNumber block, const char *kind, uint32 first, uint32 count,
          uint32 expected_first, uint32 expected_count)
{
    if (first == expected_first && count == expected_count)
        return true;
    report(walk->check, block, kNone, kind,
           "the page has lists %u and on, %u of them; expected %u and on, %u", first, count,
           expected_first, expected_count);
    add(&walk->bad, block);
    return false;
}

static void
check_centroids(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    for (uint32 i = 0; i < meta.centroid_pages; i++) {
        const uint32 first = i * meta.centroids_per_page;
        const uint32 count = Min(meta.centroids_per_page, meta.lists - first);
        const BlockNumber block = meta.first_centroids + i;
        const uint32 numbers = count * meta.dimensions;
        if (!read_table_page(walk, block, page::Kind::centroids,
                             page::kCentroidsOffset + numbers * sizeof(float)))
            continue;
        const auto *header = page::content<page::CentroidPage>(walk->page);
        if (!has_lists(walk, block, "centroid", header->first_list, header->count, first, count))
            continue;
        const auto *centroids =
            reinterpret_cast<const float *>(walk->page + page::kCentroidsOffset);
        for (uint32 k = 0; k < numbers; k++)
            if (!std::isfinite(centroids[k])) {
                report(walk->check, block, first + k / meta.dimensions, "centroid",
                       "the list's centroid is not finite");
                add(&walk->bad, block);
                break;
            }
    }
}

static void
check_entry(Walk *walk, BlockNumber block, uint32 list, const page::ListEntry &entry)
{
    const char *problem = nullptr;
    if (entry.run_pages > 0 &&
        (entry.run_start < walk->meta.page.first_rows || entry.run_start >= walk->blocks ||
         entry.run_pages > walk->blocks - entry.run_start))
        problem = "the list's run lies outside the row pages";
    else if (!is_link(walk, entry.chain_head) || !is_link(walk, entry.chain_tail) ||
             !is_link(walk, entry.free_head))
        problem = "a link leads out of the row pages";
    else if ((entry.chain_head == InvalidBlockNumber) != (entry.chain_tail == InvalidBlockNumber))
        problem = "the list's chain has only one end";
    else if (entry.reserved != 0)
        problem = "the list's reserved bytes are not zero";
    walk->walked[list] = problem == nullptr; // can be
    if (problem != nullptr)
        report(walk->check, block, list, "directory", "%s", problem);
}

static void
check_directory(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    for (uint32 i = 0; i < meta.directory_pages; i++) {
        const uint32 first = i * meta.entries_per_page;
        const uint32 count = Min(meta.entries_per_page, meta.lists - first);
        const BlockNumber block = meta.first_directory + i;
        if (!read_table_page(walk, block, page::Kind::directory,
                             page::kEntriesOffset + count * sizeof(page::ListEntry)))
            continue;
        const auto *header = page::content<page::DirectoryPage>(walk->page);
        if (!has_lists(walk, block, "directory", header->first_list, header->count, first, count))
            continue;
        const auto *entries =
            reinterpret_cast<const page::ListEntry *>(walk->page + page::kEntriesOffset);
        for (uint32 k = 0; k < count; k++)
            check_entry(walk, block, first + k, entries[k]);
    }
}

} // namespace flat

void
check_ivfflat(Check *check)
{
    using namespace flat;
    Walk walk = {};
    walk.check = check;
    walk.page = static_cast<char *>(palloc(BLCKSZ));
    if (!check_metapage(&walk))
        return;
    walk.bad = make_set(walk.blocks);
    walk.met = make_set(walk.blocks);
    walk.reached = make_set(walk.blocks);
    walk.walked = static_cast<bool *>(palloc0(walk.meta.page.lists));
    check_centroids(&walk);
    check_directory(&walk);
    prepare_rows(&walk);
    check_pages(&walk);
    check_lists(&walk);
    check_suspects(&walk, end_tid_check(check, 1, can_index, &walk));
}

} // namespace vx::check
