// SPDX-License-Identifier: PostgreSQL
//
// Real queries, from a table that the user names, to calibrate with or to measure recall with.
#pragma once

#include "index/ivfrabitq/encode.hpp"

extern "C" {
#include "access/attnum.h"
}

namespace vx::ivfrabitq
{

/// Queries are taken at random from larger tables.
constexpr uint32 kMostNamedQueries = 2000;

/// A column of vectors, checked: the current user may read it, its type is the index's.
struct QueryColumn {
    Oid table;
    AttrNumber column;
};

/// What the storage parameter `queries` of an index names: 'table', 'table(column)' or
/// 'schema.table(column)'; without a schema, the table is in that of the indexed one. Raises for
/// what is not there or cannot be used. Keeps AccessShareLock until the transaction ends.
QueryColumn find_query_column(Relation index, const char *name);

/// The table's column of that name; nullptr: its only column of the index's type.
QueryColumn check_query_column(Relation index, Oid table, const char *column);

/// Up to `most` of the column's values, not null, detoasted, in CurrentMemoryContext. Raises for
/// other dimensions, and if there are none.
uint32 read_query_values(Relation index, const QueryColumn &source, uint32 dimensions, uint32 most,
                         Datum *values);

/// What a build calls: up to `most` (<= kMostNamedQueries) queries of the storage parameter, as
/// prepare_row() makes them, to out (padded floats each). Returns how many; 0: no table is named.
uint32 read_calibration_queries(Relation index, const Meta &meta, Encoder *encoder, float *out,
                                uint32 most);

} // namespace vx::ivfrabitq
