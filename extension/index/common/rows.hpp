// SPDX-License-Identifier: PostgreSQL
//
// From a column value to the row that an index stores.
#pragma once

#include "index/common/operator_class.hpp"

namespace vx::index
{

/// Writes the value's floats to out (`dimensions` of them), scaled to length 1 if `normalize_them`.
/// Returns false for a vector that has no direction but should: it is not indexed. Raises for other
/// dimensions than the index's. Detoasting may allocate in CurrentMemoryContext.
bool make_row(Datum value, int32 dimensions, bool normalize_them, float *out);

} // namespace vx::index
