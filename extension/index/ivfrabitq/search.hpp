// SPDX-License-Identifier: PostgreSQL
//
// A search: the k nearest rows of a query, in five stages.
//
//   prepare   rotate the query; look-up table for scan codes, int8 for fine codes    search.cpp
//   rank      distances of centroids; lists in order                                 rank.cpp
//   scan      one-bit estimates of the rows of the nearest lists                      walk.cpp
//   refine    five-bit estimates of those that may be nearer than the threshold       refine.cpp
//   rerank    exact distances, from the table, of those that may be among the k       rerank.cpp
//
// Stages 3 and 4 alternate: refined rows lower the threshold (the k-th smallest estimate so far)
// that the next rows are compared with. Everything lives in the search's memory context.
#pragma once

#include "index/common/existing_block.hpp"
#include "index/common/tid_set.hpp"
#include "index/ivfrabitq/calibrate.hpp"
#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/estimates.hpp"
#include "index/ivfrabitq/filter.hpp"
#include "kernel/list_order.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "storage/buf.h"
}

namespace vx::ivfrabitq
{

/// A row with its exact distance, on the scale of the estimates.
struct Found {
    double distance;
    ItemPointerData tid;
};

/// A row that the scan left over for refinement.
struct Pending {
    BlockNumber block; // its fine page
    uint32 offset;     // of its record there
    float lower;
    float ip;
    float g;
    float spread; // one standard deviation of its fine estimate, over |rescale|
    ItemPointerData tid;
};

constexpr uint32 kBatch = 32; // of pending rows

/// For the curious: what a search did.
struct SearchCounts {
    uint32 lists;
    uint32 pages;
    uint32 scanned;
    uint32 refined;
    uint32 reranked;
};

struct Search {
    Relation index;
    Relation heap;
    Snapshot snapshot;
    MemoryContext context;
    Meta meta;

    // prepare
    bool has_query;     // false: NULL: all rows are equally near
    float *x;           // the query's own floats
    float *prepared;    // padded; zeroes if estimates would tell nothing
    float query_length; // of prepared
    kernel::ScanQuery scan;
    kernel::FineQuery fine;
    kernel::PlaneQuery plane;

    // rank
    float *g;       // per list, or per place of the blocks
    float *squared; // |q - c|^2 per list; g itself but for the inner product
    kernel::ListOrder order;

    // ... among many lists (rank.cpp)
    bool choosing;                // distances are known of some blocks' lists only
    uint32 *blocks;               // these blocks; g has 64 lists of each
    uint32 known_blocks;          // how many
    uint32 blocks_without_centre; // these come first
    float *block_g;               // of all blocks' centres
    float *block_squared;
    kernel::ListOrder block_order;

    // on a standby (standby.cpp)
    bool is_in_recovery; // the round began in recovery
    bool outdated;       // it met a slice that was given away
    uint32 known_lists;  // that exist in its version of the structure

    // filter
    const FilterProgram *filter;
    uint32 *masks; // per group of a page

    // scan, refine
    float epsilon; // how many standard deviations an estimate is trusted to be off at most
    float rerank;
    float slack;      // how many of them above its estimate a row counts for the threshold
    float scan_kappa; // these deviations: the index's own, or more
    float fine_kappa;
    float scan_rounding; // standard deviation of <x, q> from rounding the query, for scan codes
    float fine_rounding; // and for fine codes
    bool keeps_order;    // rows that a later round could put before others are left to it
    bool exact;          // ... even if that round would not be needed otherwise
    Threshold threshold;
    Estimates estimates;
    kernel::Survivor *survivors; // of one page
    Pending pending[kBatch];
    uint32 pending_count;
    index::TidSet met;      // rows of this round, where a row can be in two lists
    index::TidSet returned; // rows of earlier rounds

    // rerank
    bool is_heap; // rows are read past the table access method's interface
    Buffer table_buffer;
    IndexFetchTableData *fetch;
    index::TableEnd table_end;
    TupleTableSlot *slot;
    IndexInfo *expressions; // nullptr: the key is a plain column
    EState *estate;
    MemoryContext scratch;
    Found *found; // nearest first
    uint32 found_count;
    uint32 found_capacity;
    uint32 unseen; // rows of this round that the snapshot does not see

    SearchCounts counts;
};

static_assert(std::is_trivially_destructible_v<Search>);

/// How far a round goes.
struct Reach {
    uint32 k; // rows wanted
    StopSetting stop;
    uint32 max_lists;
};

/// A search over the index; memory in `context`, which must outlive it. epsilon, rerank,
/// slack, the kappas, keeps_order and exact are the caller's to set.
Search *make_search(Relation index, Relation heap, Snapshot snapshot, MemoryContext context);

/// A new query; nullptr-like (is_null): all rows are equally near. Forgets what was returned.
void set_query(Search *search, Datum value, bool is_null);

/// Finds the k nearest rows that were not returned yet into found. Returns the number of lists
/// read; all of them: nothing is left that the index knows and found does not have, unless found is
/// full.
uint32 run_round(Search *search, const Reach &reach);

/// Releases what memory alone does not.
void end_search(Search *search);

// ---- between the stages

/// What the round is to read: the metapage and the directory as they are now, of one version.
void read_structure(Search *search);

/// Whether replay gave pages away that the round read, so that it must be run again. Pages that are
/// read afterwards do not count.
bool is_outdated(const Search *search);

/// Raises, as a conflict with recovery.
[[noreturn]] void report_outdated(const Search *search);

/// Begins the order of lists; the first `expected` are in it.
void rank_lists(Search *search, uint32 expected);

/// Puts more lists in order: at least `wanted` in all, or all that there are. Returns how many.
uint32 rank_more(Search *search, uint32 wanted);

/// The list whose distance is g[i].
inline uint32
list_of(const Search &search, uint32 i)
{
    constexpr uint32 kPlaces = kernel::kBlockCentroids;
    return search.choosing ? search.blocks[i / kPlaces] * kPlaces + i % kPlaces : i;
}

/// Scans lists in order until the reach is exhausted. Returns how many were read.
uint32 walk_lists(Search *search, const Reach &reach);

/// Takes a survivor of the scan and lets its record be fetched.
void add_pending(Search *search, BlockNumber block, uint32 record, const kernel::Survivor &survivor,
                 const ItemPointerData &tid, float g, float spread);

/// Estimates the pending rows from their fine codes.
void refine_pending(Search *search);

/// Makes found, exact and in order, of the estimates.
void rerank_estimates(Search *search, uint32 k);

/// Opens the table for rerank, once per search.
void open_table(Search *search);

/// Lets the rows be fetched into the processor's caches, where this backend knows their pages.
void expect_rows(const Search *search, const Estimate *rows, uint32 count);

/// The indexed value of the row that the snapshot sees; false if it sees none, or a NULL. Valid
/// until the next call.
bool fetch_value(Search *search, const ItemPointerData &tid, Datum *value);

/// After the last row of a round.
void release_rows(Search *search);

/// Before the executor is told of a row of a heap: leaves its page pinned where heapam looks first,
/// which saves the look-up of a buffer (memory that no cache has) and the pruning before a read.
void offer_row(IndexScanDesc scan, const Search *search, const ItemPointerData &tid);

/// Releases what memory alone does not.
void close_table(Search *search);

} // namespace vx::ivfrabitq
