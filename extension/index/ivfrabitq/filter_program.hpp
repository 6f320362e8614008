// SPDX-License-Identifier: PostgreSQL
//
// What filter.cpp, filter_compile.cpp and filter_masks.cpp share.
#pragma once

#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/intervals.hpp"

namespace vx::ivfrabitq
{

/// What one column must be for a row to pass.
struct ColumnFilter {
    page::FilterColumn column;
    bool want_null; // IS NULL; else the column must not be null, and in one of the intervals
    bool any_value; // IS NOT NULL: no comparison
    Interval *intervals;
    uint32 count;
    IntervalLookup lookup; // if count > kFewIntervals
};

/// Up to so many intervals are compared one after the other, 32 rows at a time; beyond, only the
/// whole span is, and every row within it is looked up.
constexpr uint32 kFewIntervals = 8;

struct FilterProgram {
    uint32 count;
    ColumnFilter filters[page::kMaxFilterColumns];
};

/// Under the collation; type: text or bpchar.
int64 hash_text(Oid type, Oid collation, Datum value);

} // namespace vx::ivfrabitq
