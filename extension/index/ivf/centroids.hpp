// SPDX-License-Identifier: PostgreSQL
//
// The centroids of an index, read from its pages: which lists are nearest to a vector.
#pragma once

#include "index/ivf/meta.hpp"

namespace vx::ivf
{

/// out[list] = distance of the vector to the list's centroid (smaller is nearer), for all lists.
/// The vector is prepared as rows are: scaled to length 1 where the operator class says so.
void list_distances(Relation index, const Meta &meta, const float *vector, float *out);

/// The nearest list; the lowest number among equals. Allocates in CurrentMemoryContext.
uint32 nearest_list(Relation index, const Meta &meta, const float *vector);

} // namespace vx::ivf
