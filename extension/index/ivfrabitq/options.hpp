// SPDX-License-Identifier: PostgreSQL
//
// Storage parameters and settings of ivfrabitq.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "utils/rel.h"
}

namespace vx::ivfrabitq
{

constexpr int kMaxLists = 1024 * 1024;

enum class IterativeScan : int { off, relaxed_order, strict_order };

/// Defines the reloptions and the ivfrabitq.* settings; from _PG_init.
void initialise_options();

// ---- WITH (...)

/// lists: how many; 0: chosen from the number of rows.
int get_lists(Relation index);

/// spill: the share of rows that go to a second list too, 0 .. 1.
double get_spill(Relation index);

/// queries: the table, or table(column), whose vectors calibrate the index; nullptr: rows held out.
const char *get_queries(Relation index);

// ---- settings as they are now

double recall_target(); // 0 < r <= 1
int probes();           // 0: as many as recall_target needs
double epsilon();       // scan bound, in standard deviations of the scan estimate
double rerank();        // rows are read from the table if their fine estimate is within so many
                        // standard deviations of the k-th
int max_probes();       // of a scan that goes on for more rows; 0: all lists
IterativeScan iterative_scan();

} // namespace vx::ivfrabitq
