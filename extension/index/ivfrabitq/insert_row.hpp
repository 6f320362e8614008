// SPDX-License-Identifier: PostgreSQL
//
// From a row of the table to its places in the lists.
#pragma once

#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/spill.hpp"

namespace vx::ivfrabitq
{

/// Buffers and what does not change from row to row.
struct RowInserter {
    Relation index;
    Meta meta; // the structure when the last row was placed
    Encoder encoder;
    float *row;        // padded
    float *distances;  // per place of a list
    bool measured_all; // else those of lists far away are infinite
    float *squared;    // the same array unless the metric's g is another number
    int8 *high;        // padded each
    int8 *low;
    int8 *centre;
    RowCode *code;
    SpillChooser chooser; // if rows are kept in two lists
};

/// Memory: CurrentMemoryContext.
void make_row_inserter(Relation index, RowInserter *out);

/// Stores the row in the index. values[0] is not NULL. What it allocates in CurrentMemoryContext
/// can be freed afterwards.
void insert_row(RowInserter *inserter, const Datum *values, const bool *isnull,
                const ItemPointerData *tid);

} // namespace vx::ivfrabitq
