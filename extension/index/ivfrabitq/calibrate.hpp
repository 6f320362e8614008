// SPDX-License-Identifier: PostgreSQL
//
// Calibration: how many lists a search must read for a recall, found without searching.
//
// For some queries (rows held out, or queries the user named) the true nearest rows are found by
// brute force while the build reads the table anyway. If it is known to which list each of them
// went, then recall at every number of probes, and under every stop rule, is arithmetic: a
// neighbour is found if its list is read.
#pragma once

#include "index/ivfrabitq/recall_curve.hpp"
#include "index/ivfrabitq/row_code.hpp"

namespace vx::ivfrabitq
{

/// Queries and, as rows are shown to it, their nearest rows so far. Flat: it can lie in shared
/// memory, one per worker, and be merged.
struct Truth;

/// Nearest rows kept per query: enough for recall@100, and some beyond, because the adaptive rule
/// sees as the k-th the k-th of those it has found.
constexpr uint32 kTruthNeighbours = 128;

/// How many queries to calibrate an index of such rows with: enough that recall .95 is met within
/// .01 (SEARCH.md, "Recall"), bounded by memory where rows are long.
uint32 calibration_queries(uint32 padded);

Size truth_bytes(uint32 padded, uint32 queries, uint32 neighbours);

/// queries: count x padded, prepared as rows are.
void begin_truth(Truth *truth, kernel::CodeMetric metric, uint32 padded, const float *queries,
                 uint32 count, uint32 neighbours);

/// The row that a held-out query is: never its own neighbour.
void set_query_tid(Truth *truth, uint32 query, const ItemPointerData *tid);

/// Shows it rows (padded floats each) and the lists they went to (spill_lists: -1 or the second
/// list; may be nullptr). Takes count * queries * padded * 2 operations: callers bound count to
/// check for interrupts.
void show_rows(Truth *truth, const float *rows, const ItemPointerData *tids, const int32 *lists,
               const int32 *spill_lists, uint32 count);

/// Both began with the same queries.
void merge_truth(Truth *into, const Truth *from);

struct TrueNeighbour {
    float distance;   // squared for L2, negated for the inner product
    int32 list;       // -1: nobody knows, it does not count
    int32 spill_list; // -1: none
};

struct TruthQuery {
    const float *vector; // padded floats
    uint32 neighbours;
};

uint32 truth_queries(const Truth *truth);
void truth_shape(const Truth *truth, kernel::CodeMetric *metric, uint32 *padded);

/// The query and its neighbours so far, by rising distance, into out[kTruthNeighbours or what
/// begin_truth() was told].
TruthQuery get_truth(const Truth *truth, uint32 query, TrueNeighbour *out);

/// The neighbours of a query, in no order, to be relabelled: their lists may be changed.
TrueNeighbour *truth_neighbours(Truth *truth, uint32 query, uint32 *count);

/// What a search compares with: tiles, as assign_rows takes them.
struct CalibratedLists {
    const uint8 *blocks;
    const uint8 *block_centres; // nullptr: a search compares with all lists
    uint32 lists;
};

/// The calibration of an index with these lists, of so many rows each. from_table is left 0.
/// Allocates in CurrentMemoryContext.
page::Calibration calibrate(const Truth *truth, const CalibratedLists &lists,
                            const uint32 *list_rows);

/// What a search for that recall must do.
struct StopSetting {
    page::StopRule rule;
    double probes;   // lists to read: by the fixed rule, by the adaptive one the most; >= 1
    double adaptive; // factor and exponent of the adaptive rule
    double exponent;
    double rows; // a scan reads so many on average; 0: not known
};

/// Whether a search goes on with the next list in the order of g.
///   read   lists read so far; under a filter each counts by the share of its rows that passed
///   gap    g - g_1 of that list
///   scale  T, the k-th smallest distance so far; for the inner product |q|
inline bool
reads_next(const StopSetting &stop, double read, float gap, float scale)
{
    if (read >= stop.probes)
        return false;
    return stop.rule == page::StopRule::fixed ||
           place_weight(read + 1.0, stop.exponent) * static_cast<double>(gap) <
               stop.adaptive * static_cast<double>(scale);
}

/// Interpolates between entries, and between the calibrated values of k. k: the rows wanted, 0 if
/// not known; lists: of the index as it is now. A recall_target of 1 means all lists.
StopSetting stop_setting(const page::Calibration &calibration, double recall_target, uint32 k,
                         uint32 lists);

} // namespace vx::ivfrabitq
