// SPDX-License-Identifier: PostgreSQL
//
// Filter columns: key columns after the vector, kept beside the codes and compared during a scan.
#pragma once

#include "index/ivfrabitq/row_code.hpp"

extern "C" {
#include "access/skey.h"
}

namespace vx::ivfrabitq
{

/// How values of that type are kept; false: not at all.
bool filter_kind(Oid type, page::FilterKind *kind);

/// Whether a column of that type can be compared with a constant of the other.
bool can_compare(Oid column_type, Oid constant_type);

/// The kinds of the index's columns 2 .. n, into kinds[page::kMaxFilterColumns]; returns how many.
/// Raises FEATURE_NOT_SUPPORTED for other types and for too many.
uint32 filter_kinds(Relation index, page::FilterKind *kinds);

/// Stores the values of columns 2 .. n (values[1 ..], isnull[1 ..]) in the row.
void store_filter_values(Relation index, const Meta &meta, const Datum *values, const bool *isnull,
                         RowCode *row);

/// Writes the row's values and null bits into slot `slot` of a group in local memory.
void put_filter_values(const Meta &meta, uint8 *group, uint32 slot, RowCode *row);

/// The scan keys of one scan, ready to be compared. Memory: CurrentMemoryContext.
struct FilterProgram;

/// nullptr: no keys. Sets *never if no row can pass (a comparison with NULL).
FilterProgram *compile_filter(Relation index, const Meta &meta, const ScanKeyData *keys,
                              int key_count, bool *never);

/// masks[i]: the rows of group first_group + i that pass, for `count` groups of the page; rows that
/// do not exist may pass. Returns how many bits are set.
uint32 filter_masks(const FilterProgram *program, const Meta &meta, const uint8 *first_group,
                    uint32 count, uint32 *masks);

} // namespace vx::ivfrabitq
