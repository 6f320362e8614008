// SPDX-License-Identifier: PostgreSQL
//
// What index_pages() and index_stats() tell: an index page by page. Nothing is verified beyond what
// it takes to read a page's numbers; a page whose form is wrong is "damaged", and index_check()
// says why.
#pragma once

#include "check/check.hpp"
#include "check/target.hpp"
#include "index/common/operator_class.hpp"

namespace vx::check
{

/// As index_stats() counts pages.
enum class Use { meta, centroids, directory, rows, fine, unused, damaged };

constexpr uint32 kUses = 7;

/// Slots of one list on a page.
struct Share {
    uint32 list;
    uint32 slots;
    uint32 rows;    // slots with a row
    uint32 emptied; // by vacuum; the other slots without a row were never used
};

constexpr uint32 kMostShares = 255; // scan pages count slices in one byte

struct PageFacts {
    Use use;
    const char *kind; // as index_pages() names it
    int64 items;      // centroids, entries or records; kNone: the page is no array of such
    uint32 shares;    // of pages with rows: how many
    Share share[kMostShares];
};

/// An index that is being described.
struct Description {
    Relation index;
    BufferAccessStrategy strategy;
    BlockNumber blocks;
    char *page; // the copy at hand

    // the access method's part
    void (*describe)(Description *description, BlockNumber block, PageFacts *out); // of `page`
    void *walk;
    const char *method;
    uint32 version; // of the format
    uint32 dimensions;
    index::Metric metric;
    uint32 places;       // for lists, in use
    const bool *is_list; // by place: a scan that begins now reads the list
    int64 capacity;      // for lists
    int64 frozen;        // lists that take no rows: they are being split
    int64 retired;       // places of lists that only older scans read, if any
    int64 structure;     // its version: how often lists were added or split. kNone: cannot be
    int64 rows_at_build; // kNone: not known, as the next two
    int64 queries;       // of the calibration
    int64 lists_at_calibration;
};

/// Raises if the metapage or the directory is damaged.
Description *open_description(const Target &target);

/// Reads and describes the page; its copy stays in description->page.
void describe_page(Description *description, BlockNumber block, PageFacts *out);

inline bool
is_list(const Description &description, uint32 list)
{
    return list < description.places && description.is_list[list];
}

// ---- access methods: fill in their part

void describe_ivfflat(Description *description);
void describe_ivfrabitq(Description *description);

} // namespace vx::check
