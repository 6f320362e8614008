// SPDX-License-Identifier: PostgreSQL
//
// Storage parameters and settings of ivfflat; names, ranges and defaults are pgvector's.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "utils/rel.h"
}

namespace vx::ivf
{

constexpr int kDefaultLists = 100;
constexpr int kMinLists = 1;
constexpr int kMaxLists = 32768;

enum class IterativeScan : int { off, relaxed_order };

/// Defines the reloptions and the ivfflat.* settings; from _PG_init.
void initialise_options();

/// WITH (lists = ...) of the index, or the default.
int get_lists(Relation index);

/// The settings as they are now.
int probes();
int max_probes();
IterativeScan iterative_scan();

} // namespace vx::ivf
