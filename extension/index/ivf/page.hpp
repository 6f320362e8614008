// SPDX-License-Identifier: PostgreSQL
//
// The pages of an inverted-file index, format version 1. README.md has the picture of the file.
//
//   block 0            metapage
//   then               centroid pages: the centroids of all lists, packed, never changed after
//   build then               directory pages: one ListEntry per list, where its rows are then row
//   pages: the build writes each list as one run of neighbouring blocks;
//                      pages that inserts append are chained to their list one by one
//
// Every page ends in a Special that names its kind. All numbers are in native byte order, as
// everything in a PostgreSQL data directory. Reserved fields are written as zero.
//
// Row page (offsets in bytes):
//
//   0     PageHeaderData; pd_lower = end of the last row in use, so a full-page image leaves the
//   rest out 24    RowPage 48    ItemPointerData tids[capacity]; a slot whose offset number is 0 is
//   free (dead)
//   ..    (slack of less than 64 bytes where it fits: rows start on a cache line)
//   R     rows[capacity], row_bytes each, contiguous: the distance kernel runs over the whole page
//   8184  Special
//
// Slots [0, count) have been used since the page was last empty; `dead` of them are free. A row
// never moves: vacuum zeroes its tid, insert writes tid and row into a free slot.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/block.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
}

#include <type_traits>

namespace vx::ivf::page
{

constexpr uint32 kMagic = 0x46495856; // the bytes "VXIF" on a little-endian machine
constexpr uint32 kVersion = 1;
constexpr uint32 kPgvectorMagic = 0x14FF1A7; // stands at the same place in pgvector's metapage
constexpr uint16 kPageId = 0xFF8B;           // last two bytes of every page; for tools

/// On disk: never renumber.
enum class Kind : uint16 { meta = 1, centroids = 2, directory = 3, rows = 4 };

struct Special {
    uint32 reserved;
    Kind kind;
    uint16 page_id;
};

static_assert(sizeof(Special) == 8);

constexpr uint32 kContentOffset = 24; // after the page header
constexpr uint32 kContentEnd = BLCKSZ - sizeof(Special);
constexpr uint32 kCacheLine = 64;

static_assert(SizeOfPageHeaderData == kContentOffset);
static_assert(MAXALIGN(sizeof(Special)) == sizeof(Special));

// ---- block 0

struct MetaPage {
    uint32 magic;
    uint32 version;
    uint16 element; // index::ElementKind
    uint16 metric;  // index::Metric
    uint32 dimensions;
    uint32 lists;
    uint32 row_bytes;          // stride of rows in a row page
    uint32 row_capacity;       // slots of a row page
    uint32 rows_offset;        // R in the picture
    uint32 centroids_per_page; // the last page may hold fewer
    uint32 first_centroids;    // block
    uint32 centroid_pages;
    uint32 entries_per_page;
    uint32 first_directory; // block
    uint32 directory_pages;
    uint32 first_rows; // block; the end of the file if there is no row yet
    uint32 reserved;
    char type_name[16]; // of the indexed column, zero-padded; for people and tools
};

static_assert(sizeof(MetaPage) == 80);
static_assert(offsetof(MetaPage, dimensions) == 12);
static_assert(offsetof(MetaPage, type_name) == 64);

// ---- centroid pages

struct CentroidPage {
    uint32 first_list;
    uint32 count;
};

constexpr uint32 kCentroidsOffset = 64; // floats start here, on a cache line

static_assert(kContentOffset + sizeof(CentroidPage) <= kCentroidsOffset);

// ---- directory pages

struct ListEntry {
    uint32 run_start; // the build's run of row pages; run_pages of them
    uint32 run_pages;
    uint32 chain_head; // pages appended by inserts, linked by RowPage::next; Invalid: none
    uint32 chain_tail;
    uint32 free_head; // pages with free slots, linked by RowPage::next_free; Invalid: none
    uint32 reserved;
};

static_assert(sizeof(ListEntry) == 24);

struct DirectoryPage {
    uint32 first_list;
    uint32 count;
};

constexpr uint32 kEntriesOffset = kContentOffset + sizeof(DirectoryPage);
constexpr uint32 kEntriesPerPage = (kContentEnd - kEntriesOffset) / sizeof(ListEntry);

static_assert(kEntriesPerPage == 339);

// ---- row pages

/// RowPage::flags
constexpr uint16 kInFreeChain = 1;

struct RowPage {
    uint32 list;
    uint16 count;
    uint16 dead;
    uint32 next;      // in the list's chain; Invalid at its end and in the build's run
    uint32 next_free; // in the list's free chain
    uint16 flags;
    uint16 reserved;
    uint32 reserved2;
};

constexpr uint32 kTidsOffset = kContentOffset + sizeof(RowPage);

static_assert(sizeof(RowPage) == 24);
static_assert(offsetof(RowPage, next) == 8);
static_assert(sizeof(ItemPointerData) == 6);
static_assert(std::is_trivially_copyable_v<MetaPage> && std::is_trivially_copyable_v<RowPage>);

/// How many rows of that size a page takes, and where they start.
struct RowLayout {
    uint32 row_bytes;
    uint32 capacity;
    uint32 offset;
};

constexpr RowLayout
row_layout(uint32 row_bytes)
{
    const uint32 space = kContentEnd - kTidsOffset;
    const uint32 capacity = space / (row_bytes + sizeof(ItemPointerData));
    const uint32 tids_end = kTidsOffset + capacity * sizeof(ItemPointerData);
    const uint32 latest = kContentEnd - capacity * row_bytes;
    uint32 offset = latest / kCacheLine * kCacheLine;
    if (offset < tids_end)
        offset = latest / sizeof(float) * sizeof(float);
    return {row_bytes, capacity, offset};
}

constexpr uint32
centroids_per_page(uint32 dimensions)
{
    return (kContentEnd - kCentroidsOffset) / (dimensions * static_cast<uint32>(sizeof(float)));
}

constexpr uint32 kMaxDimensions = 2000;

// the largest row of this version fits; so does one centroid of it
static_assert(row_layout(kMaxDimensions * 4).capacity == 1 &&
              centroids_per_page(kMaxDimensions) == 1);
static_assert(row_layout(128 * 4).capacity == 15 && row_layout(128 * 4).offset % kCacheLine == 0);

// ---- access; `page` is a buffer's page under its lock, or an image in local memory

template <class T>
inline T *
content(Page page)
{
    return reinterpret_cast<T *>(page + kContentOffset);
}

inline Special *
special(Page page)
{
    return reinterpret_cast<Special *>(page + kContentEnd);
}

inline ItemPointer
tids(Page page)
{
    return reinterpret_cast<ItemPointer>(page + kTidsOffset);
}

inline bool
is_live(const ItemPointerData &tid)
{
    return tid.ip_posid != 0;
}

/// Makes an empty page of that kind in local memory.
inline void
format(Page page, Kind kind)
{
    PageInit(page, BLCKSZ, sizeof(Special));
    special(page)->kind = kind;
    special(page)->page_id = kPageId;
}

inline bool
has_kind(Page page, Kind kind)
{
    auto *header = reinterpret_cast<PageHeader>(page);
    return header->pd_special == kContentEnd && header->pd_lower >= kContentOffset &&
           header->pd_lower <= header->pd_upper && header->pd_upper <= header->pd_special &&
           special(page)->kind == kind && special(page)->page_id == kPageId;
}

} // namespace vx::ivf::page
