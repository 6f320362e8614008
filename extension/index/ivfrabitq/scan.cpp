// SPDX-License-Identifier: PostgreSQL
//
// Scan: rounds of searches, each for the k nearest rows that were not returned yet.
//
// The first round looks for as many rows as LIMIT asks for, through as many lists as the recall
// target needs, and an ordinary query ends with it: its rows come in exact order. If the executor
// wants more (a condition that is not the index's, a cursor, rows deleted meanwhile), further
// rounds look for more rows in more lists, until all rows have been returned.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "access/relscan.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

#include "index/ivfrabitq/callbacks.hpp"
#include "index/ivfrabitq/limit.hpp"
#include "index/ivfrabitq/options.hpp"
#include "index/ivfrabitq/search.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

constexpr uint32 kRowsIfUnknown = 40; // of the first round when no LIMIT is known
constexpr uint32 kFilteredFactor = 4; // rows looked for per row wanted when the executor filters
constexpr uint32 kRoundFactor = 4; // a round looks for at least so many times the rows of the last
constexpr uint32 kMostRows = 1 << 24; // that one round looks for

struct ScanState {
    MemoryContext context;
    Search *search; // nullptr: not started
    bool never;     // no row can pass the conditions
    bool exhausted;
    Reach reach;          // of the last round; before it, of the first
    uint32 lists;         // that the last round read; 0: there was none
    uint64 returned;      // rows
    uint32 next;          // of search->found
    double last_distance; // of a row that was returned
};

static_assert(std::is_trivially_destructible_v<ScanState>);

static ScanState *
state_of(IndexScanDesc scan)
{
    return static_cast<ScanState *>(scan->opaque);
}

VX_CALLBACK(IndexScanDesc, ivfrabitq_begin_scan, (Relation index, int keys, int order_bys),
            (index, keys, order_bys))
{
    IndexScanDesc scan = RelationGetIndexScan(index, keys, order_bys);
    MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "vector ivfrabitq: scan",
                                                  ALLOCSET_DEFAULT_SIZES);
    auto *state = static_cast<ScanState *>(MemoryContextAllocZero(context, sizeof(ScanState)));
    state->context = context;
    scan->opaque = state;
    return scan;
}

ambeginscan_function
begin_scan_callback()
{
    return ivfrabitq_begin_scan;
}

static void
stop_search(ScanState *state)
{
    if (state->search != nullptr)
        end_search(state->search);
    state->search = nullptr;
}

VX_CALLBACK(void, ivfrabitq_rescan,
            (IndexScanDesc scan, ScanKey keys, int /* key_count */, ScanKey order_bys,
             int /* order_by_count */),
            (scan, keys, 0, order_bys, 0))
{
    ScanState *state = state_of(scan);
    if (state->search != nullptr) {
        MemoryContext context = state->context;
        stop_search(state);
        MemoryContextReset(context);
        state = static_cast<ScanState *>(MemoryContextAllocZero(context, sizeof(ScanState)));
        state->context = context;
        scan->opaque = state;
    }
    if (keys != nullptr && scan->numberOfKeys > 0)
        memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
    if (order_bys != nullptr && scan->numberOfOrderBys > 0)
        memmove(scan->orderByData, order_bys, scan->numberOfOrderBys * sizeof(ScanKeyData));
}

// ---- rounds

static uint32
first_rows(IndexScanDesc scan)
{
    const RowsWanted wanted = rows_wanted(scan);
    if (!wanted.known)
        return kRowsIfUnknown;
    const uint64 factor = wanted.filtered ? kFilteredFactor : 1;
    return static_cast<uint32>(Min(Max(wanted.rows, 1) * factor, kMostRows));
}

/// No bound: however many lists there are when the round begins, since any may be split before.
constexpr uint32 kAllLists = 1 << 30;

/// As the settings say, for a round of k rows.
static Reach
plan_reach(const Search *search, uint32 k)
{
    const uint32 lists = search->meta.page.lists;
    Reach reach;
    reach.k = k;
    reach.max_lists = kAllLists;
    if (probes() > 0)
        reach.stop = {page::StopRule::fixed,
                      static_cast<double>(static_cast<uint32>(probes()) < lists
                                              ? static_cast<uint32>(probes())
                                              : kAllLists),
                      0, 0, 0};
    else
        reach.stop = stop_setting(search->meta.page.calibration, recall_target(), k, lists);
    return reach;
}

/// How many rows to look for next. With conditions that only the executor knows: as many as lets
/// enough pass, by what passed so far and, as if that had been seen on so many rows more, by what
/// the planner believes.
static uint32
next_rows(IndexScanDesc scan, const ScanState *state)
{
    constexpr double kBelief = 100;
    constexpr double kUnseen = 0.5; // rows that would have passed next
    constexpr double kMore = 1.25;  // than expected, so that another round is rare
    const RowsWanted wanted = rows_wanted(scan);
    const double k = state->reach.k;
    if (!wanted.known || !wanted.filtered)
        return static_cast<uint32>(Min(k * kRoundFactor, double{kMostRows}));
    const double belief = wanted.share > 0 ? kBelief : 1;
    const double passed =
        static_cast<double>(wanted.passed) + (wanted.share > 0 ? belief * wanted.share : kUnseen);
    const double share = passed / (static_cast<double>(state->returned) + belief);
    const double missing = static_cast<double>(wanted.rows - Min(wanted.rows, wanted.passed));
    return static_cast<uint32>(
        Min(Max(kMore * Max(missing, 1) / share, k * kRoundFactor), double{kMostRows}));
}

/// The next round: more rows, and lists that the rounds before did not reach.
static void
extend_reach(IndexScanDesc scan, ScanState *state)
{
    Reach *reach = &state->reach;
    reach->k = next_rows(scan, state);
    reach->stop.rule = page::StopRule::fixed;
    reach->stop.probes =
        Min(Max(reach->stop.probes, static_cast<double>(state->lists)) * 2, double{kAllLists});
    if (max_probes() > 0)
        reach->max_lists = Max(static_cast<uint32>(max_probes()), state->lists);
}

/// recall_target 1 means every row: lists are all read, and estimates are trusted less than any
/// error that rows in practice have. Those of rows that came after the build can be off by more
/// than was measured there: by what the encoder lets a code be off. And the threshold is then no
/// estimate, but what the k-th row is at most.
static void
set_trust(Search *search)
{
    // a little above what was estimated: a row that came out too near does not shut out others
    constexpr float kSlack = 0.5f;
    constexpr float kAlmostCertain = 6;
    constexpr float kMostKappa = kernel::kMostFineError; // and of hardly a scan code is it more
    search->epsilon = static_cast<float>(epsilon());
    search->rerank = static_cast<float>(rerank());
    search->slack = kSlack;
    search->scan_kappa = search->meta.page.scan_kappa;
    search->fine_kappa = search->meta.page.fine_kappa;
    search->exact = recall_target() >= 1;
    if (search->exact) {
        search->epsilon = Max(search->epsilon, kAlmostCertain);
        search->rerank = Max(search->rerank, kAlmostCertain);
        search->slack = search->rerank;
        search->scan_kappa = Max(search->scan_kappa, kMostKappa);
        search->fine_kappa = Max(search->fine_kappa, kMostKappa);
    }
    search->keeps_order = iterative_scan() != IterativeScan::off;
}

static void
start_scan(IndexScanDesc scan, ScanState *state)
{
    pgstat_count_index_scan(scan->indexRelation);
    pg::count_index_search(scan);

    if (scan->orderByData == nullptr)
        elog(ERROR, "cannot scan ivfrabitq index without order");
    if (!IsMVCCSnapshot(scan->xs_snapshot)) // rows are not pinned while they wait to be returned
        elog(ERROR, "non-MVCC snapshots are not supported with ivfrabitq");

    MemoryContext previous = MemoryContextSwitchTo(state->context);
    state->search =
        make_search(scan->indexRelation, scan->heapRelation, scan->xs_snapshot, state->context);
    set_trust(state->search);
    state->search->filter = compile_filter(scan->indexRelation, state->search->meta, scan->keyData,
                                           scan->numberOfKeys, &state->never);
    const ScanKeyData &query = scan->orderByData[0];
    set_query(state->search, query.sk_argument, (query.sk_flags & SK_ISNULL) != 0);
    MemoryContextSwitchTo(previous);
    state->reach = plan_reach(state->search, first_rows(scan));
    state->exhausted = state->never;
}

static void
report_round(const Search *search, const Reach &reach, uint32 lists)
{
    const SearchCounts &counts = search->counts;
    ereport(DEBUG2, (errmsg_internal("ivfrabitq: %u rows wanted, %u lists read, in all %u pages, "
                                     "%u rows scanned, %u refined, %u compared",
                                     reach.k, lists, counts.pages, counts.scanned, counts.refined,
                                     counts.reranked)));
}

/// What this round found is history; false if no round can find more.
static bool
next_round(IndexScanDesc scan, ScanState *state)
{
    Search *search = state->search;
    if (state->lists > 0)
        extend_reach(scan, state);
    for (uint32 i = 0; i < search->found_count; i++)
        search->returned.add(search->found[i].tid);
    state->next = 0;
    const uint32 lists = run_round(search, state->reach);
    const bool all_lists = lists >= state->reach.max_lists || lists >= search->order.sorted;
    const bool all_rows = search->threshold.count < search->threshold.k; // there was no threshold
    if ((all_lists && all_rows) || iterative_scan() == IterativeScan::off)
        state->exhausted = true;
    report_round(search, state->reach, lists);
    state->lists = Max(lists, 1);
    return search->found_count > 0 || !state->exhausted;
}

static bool
is_out_of_order(const ScanState *state, const Found &found)
{
    return iterative_scan() == IterativeScan::strict_order && state->returned > 0 &&
           found.distance < state->last_distance;
}

VX_CALLBACK(bool, ivfrabitq_get_tuple,
            (IndexScanDesc scan, [[maybe_unused]] ScanDirection direction), (scan, direction))
{
    ScanState *state = state_of(scan);
    Assert(ScanDirectionIsForward(direction)); // PostgreSQL has no backward scan by operator
    if (state->search == nullptr)
        start_scan(scan, state);

    Search *search = state->search;
    for (;;) {
        while (state->next < search->found_count) {
            const Found &found = search->found[state->next++];
            if (is_out_of_order(state, found))
                continue;
            state->returned++;
            state->last_distance = found.distance;
            scan->xs_heaptid = found.tid;
            offer_row(scan, search, found.tid);
            // hashes of different texts can be equal, values in a damaged page be anything
            scan->xs_recheck = search->filter != nullptr;
            scan->xs_recheckorderby = false;
            return true;
        }
        if (state->exhausted || !next_round(scan, state))
            return false;
    }
}

VX_CALLBACK(void, ivfrabitq_end_scan, (IndexScanDesc scan), (scan))
{
    ScanState *state = state_of(scan);
    stop_search(state);
    MemoryContextDelete(state->context);
    scan->opaque = nullptr;
}

void
install_scan(IndexAmRoutine *routine)
{
    routine->ambeginscan = ivfrabitq_begin_scan;
    routine->amrescan = ivfrabitq_rescan;
    routine->amgettuple = ivfrabitq_get_tuple;
    routine->amendscan = ivfrabitq_end_scan;
}

} // namespace vx::ivfrabitq
