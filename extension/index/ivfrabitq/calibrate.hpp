// SPDX-License-Identifier: PostgreSQL
//
// Calibration: how many lists a search must read for a recall, found without searching.
//
// For some queries (rows held out, or queries the user named) the true nearest rows are found by
// brute force while the build reads the table anyway. If it is known to which list each of them
// went, then recall at every number of probes, and under every stop rule, is arithmetic: a
// neighbour is found if its list is read.
#pragma once

#include "index/ivfrabitq/row_code.hpp"

namespace vx::ivfrabitq
{

/// Queries and, as rows are shown to it, their nearest rows so far. Flat: it can lie in shared
/// memory, one per worker, and be merged.
struct Truth;

Size truth_bytes(uint32 padded, uint32 queries, uint32 neighbours);

/// queries: count x padded, prepared as rows are.
void begin_truth(Truth *truth, kernel::CodeMetric metric, uint32 padded, const float *queries,
                 uint32 count, uint32 neighbours);

/// Shows it rows (padded floats each) and the lists they went to (spill_lists: -1 or the second
/// list; may be nullptr). A row equal to a query's own tid is left out (query_tids in begin order,
/// may be unset).
void show_rows(Truth *truth, const float *rows, const ItemPointerData *tids, const int32 *lists,
               const int32 *spill_lists, uint32 count);

/// The row that a held-out query is: never its own neighbour.
void set_query_tid(Truth *truth, uint32 query, const ItemPointerData *tid);

void merge_truth(Truth *into, const Truth *from);

/// The calibration of an index with these centroids (tiles, as assign_rows takes them) and rows per
/// list. Allocates in CurrentMemoryContext.
page::Calibration calibrate(const Truth *truth, const uint8 *blocks, uint32 lists,
                            const uint32 *list_rows);

/// What a search for that recall must do; interpolates between entries.
struct StopSetting {
    page::StopRule rule;
    double probes;   // fixed; for the adaptive rule the most lists to read
    double adaptive; // adaptive
};

StopSetting stop_setting(const page::Calibration &calibration, double recall_target, uint32 lists);

} // namespace vx::ivfrabitq
