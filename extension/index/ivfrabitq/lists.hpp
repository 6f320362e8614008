// SPDX-License-Identifier: PostgreSQL
//
// Lists: their centroids, where their slices are, and how a row finds a slot.
#pragma once

#include "index/ivfrabitq/row_code.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

namespace vx::ivfrabitq
{

// ---- centroids (centroids.cpp)

/// g of every list for the query: |q - c|^2, or for the inner product -<c, q>, which needs `mean`
/// nowhere (it is zero for that metric). out: meta.page.lists floats (rounded up to 64), infinite
/// for unused places. squared: nullptr, or |q - c|^2 in any metric.
void list_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query, float *out,
                    float *squared);

/// The centre of a list: its codes (padded) and their scale.
void read_centroid(Relation index, const Meta &meta, uint32 list, int8 *codes, float *scale);

// ---- the directory (directory.cpp)

/// The entries of all lists as this backend cached them: run and first slice are right for every
/// scan that starts with the metapage's structure_version; tail and free are not kept. Valid until
/// the next relation cache invalidation can be processed.
const page::ListEntry *get_directory(Relation index, const Meta &meta);

/// One entry as it is now.
page::ListEntry read_list_entry(Relation index, const Meta &meta, uint32 list);

// ---- checks of what pages say (check.cpp); all raise INDEX_CORRUPTED

/// The page is a well-formed scan page: every slice within the page, counts within the slice.
void check_scan_page(Relation index, const Meta &meta, Buffer buffer);

/// As above; the slice exists and is that list's.
const page::Slice *check_slice(Relation index, const Meta &meta, Buffer buffer, uint32 slice,
                               uint32 list);

// ---- writing (place.cpp)

/// Stores a row in the list: one atomic edit for the common case. Allocates in
/// CurrentMemoryContext.
void place_row(Relation index, const Meta &meta, uint32 list, RowCode *row);

} // namespace vx::ivfrabitq
