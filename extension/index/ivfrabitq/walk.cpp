// SPDX-License-Identifier: PostgreSQL
//
// The walk over the slices of the nearest lists.
//
// The rows of a list come from memory, and waiting for it would cost more than computing, so the
// walk looks ahead: while a slice is scanned, the next one's page is pinned, its header read, and
// its codes are on their way (scan_groups fetches them); of the one after that, the header and the
// address translations are, without a pin, where this backend saw the page last. What is read to
// know all that (directory, remembered buffers) is on its way some lists earlier.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/search.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

#include "index/common/index_cache.hpp"
#include "index/common/prefetch.hpp"
#include "index/ivfrabitq/lists.hpp"
#include "index/ivfrabitq/ring_guard.hpp"

#include <cmath>

namespace vx::ivfrabitq
{

// In the first lists every row counts: refining at the end of each lowers the threshold early.
constexpr uint32 kEagerLists = 8;

/// A slice to be read: where it is and what its list means to the query.
struct Stop {
    uint32 list;
    uint32 ranked; // where its distance is
    BlockNumber block;
    uint32 slice;
    Buffer buffer;
};

constexpr Stop kNoStop = {0, 0, InvalidBlockNumber, 0, InvalidBuffer};

struct Walk {
    Search *search;
    const Reach *reach;
    const page::ListEntry *directory;
    float first_g;
    double probed; // lists read, each counted by the share of its rows that passed the filter
    uint32 taken;  // lists begun
    uint32 list;   // the current one
    uint32 ranked; // where its distance is
    uint32 run_left;
    BlockNumber run_next;
    bool first_left; // the chain's first slice is still to come
    RingGuard guard; // of the current list's chain
    bool list_open;  // rows below are those of a list that is not finished
    uint64 list_rows;
    uint64 list_passed;
};

// ---- which slice comes next

/// What a list's gap is compared with (calibrate.hpp).
static float
stop_scale(const Search &search)
{
    if (search.meta.code_metric() == kernel::CodeMetric::inner_product)
        return search.query_length;
    return search.threshold.value();
}

/// Whether the list that comes after those taken is not worth reading.
static bool
is_far_enough(const Walk &walk, uint32 position)
{
    const Search &search = *walk.search;
    const Reach &reach = *walk.reach;
    if (position >= reach.max_lists)
        return true;
    if (search.threshold.count < search.threshold.k)
        return false;
    // the current list counts in full while it is read, unless a filter makes that a guess
    const double current = walk.list_open && search.filter == nullptr ? 1 : 0;
    const float gap = search.g[search.order.order[position]] - walk.first_g;
    return !reads_next(reach.stop, walk.probed + current, gap, stop_scale(search));
}

/// Fetches what finding the pages of the lists after the next ones takes.
static void
announce_lists(const Walk &walk)
{
    constexpr uint32 kEntryAhead = 6;
    constexpr uint32 kPageAhead = 4;
    const Search &search = *walk.search;
    const kernel::ListOrder &order = search.order;
    if (walk.taken + kEntryAhead < order.sorted)
        __builtin_prefetch(&walk.directory[list_of(search, order.order[walk.taken + kEntryAhead])]);
    if (walk.taken + kPageAhead < order.sorted) {
        const page::ListEntry &entry =
            walk.directory[list_of(search, order.order[walk.taken + kPageAhead])];
        index::announce_page(walk.search->index,
                             entry.run_pages > 0 ? entry.run_start : entry.first.block);
    }
}

/// How many lists to put in order when those that are have been read. Among many, each costs a part
/// of a block more to be compared with.
static uint32
next_lists(const Walk &walk)
{
    return (walk.search->choosing ? walk.taken + walk.taken / 2 : 2 * walk.taken) + 16;
}

/// Begins the next list. False: there is none, or it is not worth reading.
static bool
next_list(Walk *walk)
{
    Search *search = walk->search;
    if (walk->taken >= search->order.sorted && rank_more(search, next_lists(*walk)) <= walk->taken)
        return false;
    if (is_far_enough(*walk, walk->taken))
        return false;
    walk->ranked = search->order.order[walk->taken++];
    walk->list = list_of(*search, walk->ranked);
    const page::ListEntry &entry = walk->directory[walk->list];
    announce_lists(*walk);
    walk->run_next = entry.run_start;
    walk->run_left = entry.run_pages;
    walk->first_left = page::is_valid(entry.first);
    walk->guard.restart();
    return true;
}

/// The next slice that can be known without reading one; InvalidBlockNumber: the walk is over.
static Stop
next_stop(Walk *walk)
{
    for (;;) {
        if (walk->run_left > 0) {
            walk->run_left--;
            return {walk->list, walk->ranked, walk->run_next++, 0, InvalidBuffer};
        }
        if (walk->first_left) {
            walk->first_left = false;
            const page::SlicePointer &first = walk->directory[walk->list].first;
            return {walk->list, walk->ranked, first.block, first.slice, InvalidBuffer};
        }
        if (!next_list(walk))
            return kNoStop;
    }
}

static void
pin_ahead(Walk *walk, Stop *stop)
{
    if (stop->block != InvalidBlockNumber)
        stop->buffer = read_page(walk->search->index, stop->block);
}

static void
prefetch_header(const char *page, uint32 slice)
{
    if (page == nullptr)
        return;
    index::fetch_ahead<1>(page);
    index::fetch_ahead<1>(page + page::kSlicesOffset + slice * sizeof(page::Slice));
    index::fetch_ahead<1>(page + BLCKSZ / 2);        // its address translation
    index::fetch_ahead<1>(page + page::kContentEnd); // its kind is checked
}

/// The stop after the next one, as far as it can be guessed: lists mostly have one or two slices.
static void
look_further(const Walk &walk)
{
    const Search &search = *walk.search;
    if (walk.run_left > 0) {
        prefetch_header(index::expect_page(search.index, walk.run_next), 0);
        return;
    }
    page::SlicePointer place = walk.directory[walk.list].first;
    if (!walk.first_left) {
        if (walk.taken >= search.order.sorted)
            return;
        const page::ListEntry &entry =
            walk.directory[list_of(search, search.order.order[walk.taken])];
        place = entry.run_pages > 0 ? page::SlicePointer{entry.run_start, 0} : entry.first;
    }
    if (page::is_valid(place))
        prefetch_header(index::expect_page(search.index, place.block), place.slice);
}

constexpr uint32 kGroupTidLines = kernel::kGroupRows * sizeof(ItemPointerData) / page::kCacheLine;

/// Lets the scan of this slice fetch the codes of the next one.
static void
announce(const Meta &meta, const Stop &next, kernel::GroupRun *run)
{
    if (!BufferIsValid(next.buffer) || next.slice >= meta.page.groups_per_page)
        return;
    Page page = BufferGetPage(next.buffer);
    const page::Slice &slice = page::slices(page)[next.slice]; // unlocked: a hint
    const uint32 first = slice.first_group;
    const uint32 groups = slice.groups;
    if (first + groups > meta.page.groups_per_page)
        return;
    run->next = page::group(meta.page, page, first);
    run->next_groups = groups;
    const auto *tids =
        reinterpret_cast<const char *>(page::tids(meta.page, page) + first * kernel::kGroupRows);
    for (uint32 i = 0; i < groups * kGroupTidLines; i++)
        __builtin_prefetch(tids + i * page::kCacheLine, 0, 2);
}

// ---- one slice

static void
take_survivors(Search *search, Page page, const page::Slice &slice, uint32 count, float g,
               float spread)
{
    const Meta &meta = search->meta;
    const auto *header = page::content<page::ScanPage>(page);
    const uint32 first = slice.first_group * static_cast<uint32>(kernel::kGroupRows);
    const ItemPointerData *tids = page::tids(meta.page, page);
    for (uint32 i = 0; i < count; i++) {
        const kernel::Survivor &survivor = search->survivors[i];
        const uint32 slot = first + survivor.slot;
        if (page::is_live(tids[slot]))
            add_pending(search, header->fine_block, header->fine_slot + slot, survivor, tids[slot],
                        g, spread);
    }
}

/// Masks of the rows that pass the filter; how many of them are rows at all is estimated by the
/// slice's fill.
static uint32
pass_filter(Search *search, const page::Slice &slice, const uint8 *groups, uint32 count)
{
    const uint32 passed = filter_masks(search->filter, search->meta, groups, count, search->masks);
    return Min(passed, slice.count);
}

static void
scan_slice(Walk *walk, Page page, const page::Slice &slice, uint32 ranked, const Stop &next)
{
    Search *search = walk->search;
    const Meta &meta = search->meta;
    const uint32 used =
        (slice.count + static_cast<uint32>(kernel::kGroupRows) - 1) / kernel::kGroupRows;
    if (used == 0)
        return;
    const uint8 *groups = page::group(meta.page, page, slice.first_group);
    const float g = search->g[ranked];
    const float radius = std::sqrt(search->squared[ranked]);
    kernel::GroupRun run = {groups, meta.page.group_bytes, page::add_offset(meta.page),
                            page::rescale_offset(meta.page), used};

    announce(meta, next, &run);
    run.rows = reinterpret_cast<const uint8 *>(page::tids(meta.page, page) +
                                               slice.first_group * kernel::kGroupRows);
    run.row_bytes = sizeof(ItemPointerData);
    walk->list_rows += slice.count;
    uint32 passed = slice.count;
    if (search->filter != nullptr)
        passed = pass_filter(search, slice, groups, used);
    walk->list_passed += passed;
    search->counts.scanned += passed;
    if (passed == 0)
        return;

    const float margin =
        search->epsilon * std::hypot(search->scan_kappa * radius, search->scan_rounding);
    const uint32 survivors = kernel::rabitq_kernels().scan_groups(
        search->scan, run, search->filter != nullptr ? search->masks : nullptr, g, margin,
        search->threshold.value(), search->survivors);
    take_survivors(search, page, slice, survivors, g,
                   std::hypot(search->fine_kappa * radius, search->fine_rounding));
}

static void
finish_list(Walk *walk)
{
    Search *search = walk->search;
    if (walk->list_rows > 0)
        walk->probed +=
            static_cast<double>(walk->list_passed) / static_cast<double>(walk->list_rows);
    walk->list_rows = walk->list_passed = 0;
    walk->list_open = false;
    search->counts.lists++;
    if (search->counts.lists <= kEagerLists || search->threshold.count < search->threshold.k)
        refine_pending(search);
}

/// The slice is not what the list should have. While the server recovers that may be no damage: the
/// list was given up, and the walk ends.
static void
leave_slice(Search *search, Buffer buffer, const char *problem)
{
    const BlockNumber block = BufferGetBlockNumber(buffer);
    UnlockReleaseBuffer(buffer); // replay takes the metapage first, then this one
    search->outdated = search->is_in_recovery;
    if (!is_outdated(search))
        report_corrupted(search->index, block, problem);
}

/// Scans the slice at `stop` and returns the one after it, pinned.
static Stop
visit(Walk *walk, const Stop &stop)
{
    Search *search = walk->search;
    LockBuffer(stop.buffer, BUFFER_LOCK_SHARE);
    const char *missing;
    const page::Slice *slice =
        find_slice(search->index, search->meta, stop.buffer, stop.slice, stop.list, &missing);
    if (unlikely(slice == nullptr)) {
        leave_slice(search, stop.buffer, missing);
        return kNoStop;
    }
    search->counts.pages++;
    walk->list_open = true;

    const bool in_chain = walk->run_left == 0 && !walk->first_left;
    const bool list_ends = in_chain && !page::is_valid(slice->next);
    Stop next = {stop.list, stop.ranked, slice->next.block, slice->next.slice, InvalidBuffer};
    if (!in_chain || list_ends)
        next = next_stop(walk);
    else if (unlikely(!walk->guard.pass(slice->next))) {
        leave_slice(search, stop.buffer, kRing);
        return kNoStop;
    }
    pin_ahead(walk, &next);
    look_further(*walk);

    scan_slice(walk, BufferGetPage(stop.buffer), *slice, stop.ranked, next);
    UnlockReleaseBuffer(stop.buffer);
    if (list_ends) {
        finish_list(walk);
        // the threshold may have fallen since the next list was chosen
        if (BufferIsValid(next.buffer) && is_far_enough(*walk, walk->taken - 1)) {
            ReleaseBuffer(next.buffer);
            walk->taken--;
            next.block = InvalidBlockNumber;
        }
    }
    return next;
}

uint32
walk_lists(Search *search, const Reach &reach)
{
    Walk walk = {};
    walk.search = search;
    walk.reach = &reach;
    walk.directory = get_directory(search->index, search->meta);
    if (search->order.sorted > 0)
        walk.first_g = search->g[search->order.order[0]];

    Stop stop = next_stop(&walk);
    pin_ahead(&walk, &stop);
    while (stop.block != InvalidBlockNumber) {
        CHECK_FOR_INTERRUPTS();
        stop = visit(&walk, stop);
    }
    if (!search->outdated)
        refine_pending(search);
    return walk.taken;
}

} // namespace vx::ivfrabitq
