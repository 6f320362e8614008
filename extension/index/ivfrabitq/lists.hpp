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

/// Blocks of 64 places that lists have or had.
inline uint32
list_blocks(const Meta &meta)
{
    return static_cast<uint32>(kernel::centroid_blocks(meta.page.lists));
}

/// g of lists for the query: |q - c|^2, or for the inner product -<c, q>, which needs `mean`
/// nowhere (it is zero for that metric). blocks: which blocks of 64 places, in the order of which
/// out gets 64 floats each; nullptr: the first `count`. Infinite for places that no list of this
/// structure_version has. squared: nullptr, or |q - c|^2 in any metric.
void list_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query,
                    const uint32 *blocks, uint32 count, float *out, float *squared);

/// The same of the blocks' centres; -infinity for blocks without one, whose number is returned.
/// Room for whole blocks of 64. REQUIRES: has_block_centres().
uint32 block_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query,
                       float *out, float *squared);

/// Their tiles, in one piece.
void read_block_centres(Relation index, const Meta &meta, uint8 *tiles);

/// How many blocks, nearest first, have the nearest `lists` lists, as calibration found (beam.cpp).
/// list_blocks(): all are to be read.
uint32 beam(const Meta &meta, uint32 lists);

/// list_distances() by place, where calibration knows which blocks have the nearest `lists` lists.
/// Lists elsewhere are infinitely far away.
void near_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query, uint32 lists,
                    float *out, float *squared);

/// The centre of a list: its codes (padded) and their scale.
void read_centroid(Relation index, const Meta &meta, uint32 list, int8 *codes, float *scale);

// ---- the directory (directory.cpp)

/// What this backend knows of all lists for the structure_version in `meta`, read again if it kept
/// another version's. A scan takes `meta` from read_meta() when it starts. `run` and `first` of the
/// entries are right for that version as long as the scan's snapshot is held; tail and free may be
/// old. Valid until the next call, or until a relation cache invalidation can be processed.
const DirectoryCache *read_directory(Relation index, const Meta &meta);

inline const page::ListEntry *
get_directory(Relation index, const Meta &meta)
{
    return read_directory(index, meta)->entries;
}

/// How many lists of that version of the structure are still what they were, as the pages say now:
/// not given up, and no other list at their place.
uint32 count_lists(Relation index, const Meta &meta);

/// Where a list's entry stands.
inline BlockNumber
directory_block(const Meta &meta, uint32 list)
{
    return meta.page.first_directory + list / page::kEntriesPerPage;
}

inline uint16
entry_offset(uint32 list)
{
    return static_cast<uint16>(page::kEntriesOffset +
                               list % page::kEntriesPerPage * sizeof(page::ListEntry));
}

/// The directory page's entry of the list, checked. The buffer is locked.
page::ListEntry *find_entry(Relation index, const Meta &meta, Buffer directory, uint32 list);

/// One entry as it is now.
page::ListEntry read_list_entry(Relation index, const Meta &meta, uint32 list);

// ---- checks of what pages say (check.cpp); all raise INDEX_CORRUPTED

constexpr char kRing[] = "the slices of a list form a ring";

/// For scans, cheap: the slice lies within the page. nullptr: there is none, or it is another
/// list's; *missing says which. Of the page's other slices nothing is known.
const page::Slice *find_slice(Relation index, const Meta &meta, Buffer buffer, uint32 slice,
                              uint32 list, const char **missing);

/// The same where there must be one.
const page::Slice *check_slice(Relation index, const Meta &meta, Buffer buffer, uint32 slice,
                               uint32 list);

/// The whole page is a well-formed scan page: its slices are within it, and have its groups in use
/// between them.
void check_scan_page(Relation index, const Meta &meta, Buffer buffer);

/// Whether a scan page may be there; where the file ends, reading it finds out.
bool is_scan_block(const Meta &meta, BlockNumber block);

/// Where the fine codes of a scan page begin: it follows from where the page is.
struct FinePlace {
    BlockNumber block;
    uint32 slot;
};

FinePlace fine_place(const Meta &meta, BlockNumber scan_block);

// ---- writing (place.cpp, grow.cpp, store.cpp)

/// Stores a row in the list: one atomic edit for the common case. False: the list takes no rows,
/// because it is being split or was. Allocates in CurrentMemoryContext.
bool place_row(Relation index, const Meta &meta, uint32 list, RowCode *row);

/// Hangs the slice into its list's free chain if it has room and is not there yet.
void offer_free_slice(Relation index, const Meta &meta, uint32 list, page::SlicePointer slice);

/// Takes all slices out of the list's free chain, one by one: each edit leaves a sound list. Nobody
/// hangs any in while the list is frozen.
void take_free_chain_apart(Relation index, const Meta &meta, uint32 list);

} // namespace vx::ivfrabitq
