// SPDX-License-Identifier: PostgreSQL
//
// The check of an ivfrabitq index: invariants of index/ivfrabitq/README.md.
//
//   metapage, mean, centroids, directory    what a scan that begins now would use
//   all other pages in block order          each by itself; rows, and their codes if deep
//   lists                                   each slice met must be reached, chains must end
//   the table                               if heapallindexed
//
// That order makes it sound beside writers: a slice is never taken from a list that lives, so what
// the pages had, the lists must lead to later on.
#include "pg/postgres.hpp"

#include "check/ivfrabitq.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace vx::check
{

namespace rabitq
{

const char *
page_problem(char *page, page::Kind kind)
{
    const char *problem = header_problem(page, page::kContentEnd);
    if (problem != nullptr)
        return problem;
    const page::Special *special = page::special(page);
    if (special->page_id != page::kPageId)
        return "the page is not one of an ivfrabitq index";
    if (special->kind != kind)
        return "the page is of another kind than expected here";
    if (special->reserved != 0 || special->reserved2 != 0 || special->reserved3 != 0)
        return "the page's reserved bytes are not zero";
    return nullptr;
}

static void
read_meta_body(void *argument)
{
    auto *walk = static_cast<Walk *>(argument);
    ivfrabitq::forget_meta(walk->check->index);
    walk->meta = ivfrabitq::read_meta(walk->check->index);
}

static bool
check_metapage(Walk *walk)
{
    Check *check = walk->check;
    if (!copy_page(check, 0, walk->page))
        return false;
    // its content first: of a page of a foreign format that tells more
    if (!attempt(check, 0, "metapage", read_meta_body, walk))
        return false;
    const char *problem = page_problem(walk->page, page::Kind::meta);
    if (problem == nullptr && reinterpret_cast<PageHeader>(walk->page)->pd_lower !=
                                  page::kContentOffset + sizeof(page::MetaPage))
        problem = "the end of the page's content is out of range";
    if (problem != nullptr)
        report(check, 0, kNone, "metapage", "%s", problem);
    return true;
}

/// On a standby our snapshot does not keep the lists: the primary does not know it.
static void
refuse_changed_structure(Walk *walk)
{
    const uint32 began = walk->meta.page.structure_version;
    if (walk->check->problems == 0 || !RecoveryInProgress() ||
        !attempt(walk->check, 0, "metapage", read_meta_body, walk) ||
        walk->meta.page.structure_version == began)
        return;
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("canceling statement due to conflict with recovery"),
                    errdetail("A list of index \"%s\" was split meanwhile.",
                              RelationGetRelationName(walk->check->index)),
                    errhint("Check it again.")));
}

} // namespace rabitq

void
check_ivfrabitq(Check *check)
{
    using namespace rabitq;
    Walk walk = {};
    walk.check = check;
    walk.page = static_cast<char *>(palloc(BLCKSZ));
    walk.fine = static_cast<char *>(palloc(BLCKSZ));
    walk.fine_block = InvalidBlockNumber;
    if (!check_metapage(&walk))
        return;

    walk.blocks = RelationGetNumberOfBlocks(check->index);
    walk.bad = make_set(walk.blocks);
    const Size lists = walk.meta.page.lists;
    walk.entries = static_cast<page::ListEntry *>(
        palloc_extended(lists * sizeof(page::ListEntry), MCXT_ALLOC_HUGE));
    walk.known = static_cast<bool *>(palloc_extended(lists, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    walk.walked = static_cast<bool *>(palloc_extended(lists, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    check_mean(&walk);
    check_directory(&walk);
    check_centroids(&walk);
    if (check->deep || check->heapallindexed)
        prepare_codes(&walk);
    walk.met = make_set(uint64{walk.blocks} * walk.meta.page.groups_per_page);
    walk.reached = make_set(walk.met.size);
    check_pages(&walk);
    check_lists(&walk);
    const uint32 copies = walk.meta.page.spill_ratio > 0 ? 2 : 1;
    check_suspects(&walk, end_tid_check(check, copies, can_index, &walk));
    refuse_changed_structure(&walk);
}

} // namespace vx::check
