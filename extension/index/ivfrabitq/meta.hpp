// SPDX-License-Identifier: PostgreSQL
//
// The metapage, and the index's pages as scans read them.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/buf.h"
#include "utils/rel.h"
}

#include "index/common/operator_class.hpp"
#include "index/ivfrabitq/page.hpp"

namespace vx::ivfrabitq
{

struct Meta {
    page::MetaPage page;

    index::Metric metric() const { return static_cast<index::Metric>(page.metric); }

    /// Cosine distance orders unit vectors as L2 does, and is searched as that.
    kernel::CodeMetric code_metric() const
    {
        return metric() == index::Metric::inner_product ? kernel::CodeMetric::inner_product
                                                        : kernel::CodeMetric::l2;
    }

    kernel::CodeShape shape() const { return {page.padded, page.scan_dimensions}; }

    uint32 rows_per_page() const { return page.groups_per_page * kernel::kGroupRows; }

    /// Fine pages that a scan page of its own (an extent) takes.
    uint32 extent_fine_pages() const
    {
        return (rows_per_page() + page.fine_per_page - 1) / page.fine_per_page;
    }

    /// Bytes of one row's filter values.
    uint32 filter_bytes() const
    {
        uint32 bytes = 0;
        for (uint32 i = 0; i < page.filter_columns; i++)
            bytes += page.filters[i].width;
        return bytes;
    }
};

/// The parts of a metapage that follow from the operator class, the dimensions and the filter
/// columns (their kinds; offsets are filled in). Raises if not even one group fits in a page.
page::MetaPage plan_meta(const index::OperatorClass &operator_class, uint32 dimensions,
                         const page::FilterKind *filters, uint32 filter_columns);

/// From so many lists on a search does not compare with all centroids (rank.cpp). Fewer are read
/// faster than chosen from.
constexpr uint32 kManyLists = 16384;

/// Lists that the build puts into a block of 64 places, on average, where lists are many. With less
/// room lists lie in blocks that are not near them: SEARCH.md, "Many lists".
constexpr uint32 kListsPerBlock = 51;

/// Whether an index built with that many lists has them in blocks of neighbours, and how many
/// blocks of places those lists take.
bool has_many_lists(uint32 lists);
uint32 plan_blocks_in_use(uint32 lists);

/// The list capacity of an index that is built with that many lists: with room for splits.
uint32 plan_list_capacity(uint32 lists);

/// Whether an index of that capacity was built with many lists.
bool has_block_centres(uint32 list_capacity);

/// The block numbers of a plan with `list_capacity` and `scan_pages`. Raises if the file would be
/// too large.
void plan_blocks(page::MetaPage *meta, uint32 list_capacity, uint64 scan_pages);

/// Width of a value in a scan page.
uint8 filter_width(page::FilterKind kind);

/// Checked copy of the metapage, cached per relation cache entry; lists, structure_version and
/// calibration may be older than the page's. Raises, with a hint to REINDEX, for every other
/// format.
Meta get_meta(Relation index);

/// The metapage as it is now, checked; the cached copy becomes that too. A lock on it (exclusive)
/// also guards `lists` and the structure.
Meta read_meta(Relation index);

/// The metapage's as it is now.
uint32 read_structure_version(Relation index);

/// Forgets the cached copy: the relation is about to be built anew, or the structure changed.
void forget_meta(Relation index);

/// ReadBuffer() for scans: tries the buffer where this backend saw the page last. REQUIRES:
/// get_meta() was called. The caller releases the pin.
Buffer read_page(Relation index, BlockNumber block);

/// The mean, `padded` floats, rotated and scaled as the rows are. Valid until the next relation
/// cache invalidation can be processed: copy what must live longer.
const float *get_mean(Relation index, const Meta &meta);

/// What get_directory() keeps: forgotten with the metapage. Its memory is `context`.
struct DirectoryCache {
    MemoryContext context;
    page::ListEntry *entries; // nullptr: not read yet
    uint32 count;
    uint32 structure_version;
    uint32 *unused; // the places below `count` that no list of this version has, rising
    uint32 unused_count;
    uint32 *unused_before; // how many of them come before each block of 64, and before the end
};

/// Its place. REQUIRES: get_meta() was called.
DirectoryCache *directory_cache(Relation index);

/// Raises INDEX_CORRUPTED naming index and block.
[[noreturn]] void report_corrupted(Relation index, BlockNumber block, const char *what);

} // namespace vx::ivfrabitq
