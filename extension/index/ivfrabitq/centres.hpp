// SPDX-License-Identifier: PostgreSQL
//
// The centroids of an index in memory, while it is built, and the lists that rows belong to.
#pragma once

#include "index/ivfrabitq/meta.hpp"

namespace vx::ivfrabitq
{

/// One flat piece of memory, so that it can be shared.
struct Centroids {
    uint32 lists;
    uint32 capacity; // places for centroids in `blocks`
    uint32 padded;
    uint8 *blocks; // tiles, as the index's pages have them, aligned to 64
    int8 *codes;   // lists x padded: the same codes, row after row
    float *scales; // lists
};

/// capacity: a multiple of 64.
Size centroids_bytes(uint32 lists, uint32 capacity, uint32 padded);

/// Lays them out in memory of that size.
void place_centroids(Centroids *out, uint32 lists, uint32 capacity, uint32 padded, void *memory);

/// Fills blocks, codes and scales from lists x padded floats. vacant: nullptr, or which of the
/// lists are none; no row goes to these.
void quantize_centroids(const float *centroids, const bool *vacant, Centroids *out);

inline const int8 *
centroid_codes(const Centroids &centroids, int32 list)
{
    return centroids.codes + static_cast<Size>(list) * centroids.padded;
}

/// ReadCentre (spill.hpp) over Centroids.
inline void
read_centre(const void *centroids, int32 list, int8 *codes, float *scale)
{
    const auto *from = static_cast<const Centroids *>(centroids);
    memcpy(codes, centroid_codes(*from, list), from->padded);
    *scale = from->scales[list];
}

/// Finds lists. Memory: CurrentMemoryContext of make_assigner().
struct RowAssigner {
    const Centroids *centroids;
    uint32 nearest;   // lists per row
    uint32 batch;     // rows that assign_batch() may be given
    uint32 piece;     // rows between checks for interrupts
    int32 *lists;     // batch x nearest, as kernel::assign_rows() has them
    float *distances; // the same
    void *memory;
    void *workspace;
};

void make_assigner(const Centroids *centroids, uint32 nearest, uint32 batch, RowAssigner *out);
void free_assigner(RowAssigner *assigner);

/// The lists of `count` rows, into assigner->lists and distances. Checks for interrupts.
void assign_batch(RowAssigner *assigner, const float *rows, uint32 count);

} // namespace vx::ivfrabitq
