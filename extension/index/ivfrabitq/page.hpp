// SPDX-License-Identifier: PostgreSQL
//
// The pages of an `ivfrabitq` index, format version 1. FILE.md has the picture of the file.
//
//   block 0            metapage
//   then               mean pages: the mean vector, rotated and scaled, `padded` floats
//   (build)            centroid pages: int8 centroids in tiles (kernel/centroid_codes.hpp)
//                      block centres: the same of the blocks of 64 places, where lists are many
//                      directory pages: one ListEntry per list
//                      scan pages: the lists' groups of scan codes, list after list
//                      fine pages: the fine codes of all rows, in the order of the scan pages
//   then               extents that inserts appended: a scan page and its fine pages
//
// Every page ends in a Special that names its kind. All numbers are in native byte order. Reserved
// fields are written as zero.
//
// A scan page holds `groups_per_page` groups of 32 rows. A *slice* is a run of neighbouring groups
// of one page that belong to one list; short lists share pages. Offsets in bytes:
//
//   0      PageHeaderData; pd_lower = end of the last group that a slice owns
//   24     ScanPage
//   40     Slice slices[groups_per_page]; between them they have groups
//          [0, groups_used), in any order
//   tids   ItemPointerData tids[groups_per_page * 32]; a slot whose offset number is 0 has no row
//   groups group[groups_per_page], group_bytes each, aligned to 64:
//            scan codes  4 * scan_dimensions     FastScan layout (kernel/rabitq.hpp)
//            add         32 halves               kNoRowAdd: no row here
//            rescale     32 halves
//            null bits   one uint32 per filter column, bit = slot
//            values      per filter column: 32 values of its width
//   8176   Special
//
// The fine code of the row in slot s of a scan page (s = group * 32 + row) is the record number
// ScanPage::fine_slot + s, counted from the start of block fine_block, fine_per_page to a page:
//
//   0      PageHeaderData
//   24     FinePage
//   32     record[fine_per_page]: float add, float rescale, fine code (padded / 2 bytes)
//   8176   Special
//
// A fine page that never took a record may be all zeroes.
//
// A row never moves while its list is not split. Vacuum frees a slot by zeroing its tid and setting
// its add to kNoRowAdd; insert fills free slots. A slot's rescale, code and values mean nothing
// while it has no row.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/block.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
}

#include "kernel/centroid_codes.hpp"
#include "kernel/rabitq.hpp"

#include <type_traits>

namespace vx::ivfrabitq::page
{

constexpr uint32 kMagic = 0x51525856; // the bytes "VXRQ" on a little-endian machine
constexpr uint32 kVersion = 1;
constexpr uint16 kPageId = 0xFF8C; // last two bytes of every page; for tools

constexpr uint32 kMaxDimensions = 16000;

/// On disk: never renumber.
enum class Kind : uint16 { meta = 1, mean = 2, centroids = 3, directory = 4, scan = 5, fine = 6 };

struct Special {
    uint32 reserved;
    uint32 reserved2;
    uint32 reserved3;
    Kind kind;
    uint16 page_id;
};

static_assert(sizeof(Special) == 16);

constexpr uint32 kContentOffset = 24; // after the page header
constexpr uint32 kContentEnd = BLCKSZ - sizeof(Special);
constexpr uint32 kCacheLine = 64;

static_assert(SizeOfPageHeaderData == kContentOffset && kContentEnd == 8176);

// ---- block 0

/// On disk: never renumber.
enum class FilterKind : uint8 {
    boolean = 1,   // uint8
    int2 = 2,      // int16
    int4 = 3,      // int32
    int8 = 4,      // int64
    date = 5,      // int32
    timestamp = 6, // int64; with and without time zone
    uuid = 7,      // 16 bytes, compared as memcmp does
    text_hash = 8, // uint64: equality only, and the executor looks again
};

struct FilterColumn {
    FilterKind kind;
    uint8 width;          // bytes of a value
    uint16 values_offset; // in a group
    uint16 nulls_offset;  // in a group
    uint16 reserved;
};

static_assert(sizeof(FilterColumn) == 8);

constexpr uint32 kMaxFilterColumns = 8;

/// How far a scan must go for a recall: one row of what calibration found.
struct CalibrationEntry {
    float recall;   // 0 .. 1
    float probes;   // the fixed rule: so many lists
    float adaptive; // the adaptive rule: the factor of T
    float rows;     // a scan by the index's rule reads so many on average
};

constexpr uint32 kMaxCalibration = 16;

/// Recall of LIMIT k for one k. Other values of k are interpolated.
struct CalibrationCurve {
    uint32 neighbours; // k
    uint32 count;      // entries, of rising recall; 0: not calibrated
    CalibrationEntry entries[kMaxCalibration];
};

constexpr uint32 kCalibrationCurves = 2;
constexpr uint32 kCalibrationNeighbours[kCalibrationCurves] = {10, 100};

/// On disk: never renumber.
enum class StopRule : uint16 {
    fixed = 1,    // so many lists
    adaptive = 2, // lists with n^exponent * (g - g_1) < adaptive * T, n: its place in the order
};

/// For so many lists is known how many blocks of places a search reads that wants them.
constexpr uint32 kBeams = 4;
constexpr uint32 kBeamLists[kBeams] = {16, 64, 256, 1024};

struct Calibration {
    StopRule rule;     // the one that reads the fewest rows at equal recall
    uint16 from_table; // 1: real queries that the user named, 0: rows held out
    uint32 queries;    // how many were used; 0: not calibrated (an index built without rows)
    uint32 lists;      // of the index when it was calibrated, vacant places among them
    float exponent;    // of the adaptive rule, 0 .. 1
    CalibrationCurve curves[kCalibrationCurves];
    uint32 beams[kBeams]; // blocks, of kBeamLists lists, rising; 0: not known, or no block centres
};

static_assert(sizeof(Calibration) ==
              16 + kCalibrationCurves * (8 + 16 * kMaxCalibration) + 4 * kBeams);

struct MetaPage {
    uint32 magic;
    uint32 version;
    uint16 element; // index::ElementKind
    uint16 metric;  // index::Metric
    uint32 dimensions;
    uint32 padded;          // kernel::padded_dimensions(dimensions)
    uint32 scan_dimensions; // how many of them scan codes cover; plan_meta()

    uint32 groups_per_page; // shape of a scan page; all follow from dimensions and filter columns
    uint32 group_bytes;
    uint32 groups_offset;
    uint32 tids_offset;
    uint32 fine_bytes; // of a record
    uint32 fine_per_page;
    uint32 filter_columns;
    FilterColumn filters[kMaxFilterColumns];

    uint32 list_capacity; // places for centroids and entries: lists at build and room for splits
    uint32 first_mean;    // block; (padded + kMeanPerPage - 1) / kMeanPerPage pages
    uint32 first_centroids;
    uint32 centroid_pages;
    uint32 first_block_centres; // the next block, if there are none
    uint32 block_centre_pages;
    uint32 first_directory;
    uint32 directory_pages;
    uint32 first_scan; // the build's scan pages; where they end the fine pages begin
    uint32 scan_pages;
    uint32 fine_pages;

    float scale;       // vectors are multiplied by it (a power of two): residuals of length ~ 8
    float scan_kappa;  // one standard deviation of a scan estimate, over |rescale| * |q - c|
    float fine_kappa;  // of a fine estimate
    float spill_ratio; // rows of a lower ratio (spill.hpp) have a second list; 0: none
    uint64 rotation_seed;
    uint64 built_rows; // at build

    // what follows changes after the build
    uint32 lists;             // in use, <= list_capacity
    uint32 structure_version; // counts changes of the directory that are no appends (splits)
    Calibration calibration;
    char type_name[16]; // of the indexed column, zero-padded; for people and tools
};

static_assert(std::is_trivially_copyable_v<MetaPage>);
static_assert(kContentOffset + sizeof(MetaPage) <= kContentEnd);

// ---- mean pages

constexpr uint32 kMeanPerPage = 2000; // floats

// ---- centroid pages: nothing but tiles, from kTilesOffset; tile i of the whole sequence is on
// page i / kTilesPerPage. Blocks of 64 centroids follow one another in it.

constexpr uint32 kTilesOffset = 64;
constexpr uint32 kTilesPerPage = (kContentEnd - kTilesOffset) / kernel::kTileBytes;

static_assert(kTilesPerPage == 31);

// Where lists are many (plan.cpp), those of a block lie near one another, and a sequence of the
// same kind, on pages of the same kind, has the blocks' centres: the means of their lists at the
// build. They never change. A block without one (scale 0, norm2 infinite) has lists of splits.

// ---- directory pages

/// A slice of a scan page. Invalid block: none.
struct SlicePointer {
    uint32 block;
    uint32 slice;
};

/// ListEntry::flags
constexpr uint32 kFrozen = 1;  // being split: takes no rows
constexpr uint32 kVacant = 2;  // no list, or a dead one without slices: a new list can be here
constexpr uint32 kGivenUp = 4; // a dead list whose slices vacuum frees: nobody may read it now

/// ListEntry::born of a list that a split is filling: no scan has it.
constexpr uint32 kUnborn = 0xffffffff;

/// A list exists from structure_version `born` until `died`. A scan that started in between reads
/// it, so a split makes new lists and leaves the old one readable; its place is used again when no
/// such scan can exist.
struct ListEntry {
    uint32 run_start; // the build's scan pages of this list alone, all full but the last
    uint32 run_pages;
    SlicePointer first; // the list's other slices, chained by Slice::next
    SlicePointer tail;
    SlicePointer free; // slices with free slots, chained by Slice::next_free
    uint32 rows;       // live rows when last counted (build, growth, vacuum); for maintenance only
    uint32 flags;
    uint32 born;
    uint32 died;        // 0: it lives
    uint64 retired_xid; // FullTransactionId: no older snapshot needs the dead list
};

static_assert(sizeof(ListEntry) == 56);

/// Whether a scan of that version of the structure has this list.
inline bool
exists_in(const ListEntry &entry, uint32 structure_version)
{
    return !(entry.flags & kVacant) && entry.born <= structure_version &&
           (entry.died == 0 || entry.died > structure_version);
}

struct DirectoryPage {
    uint32 first_list;
    uint32 count;
};

constexpr uint32 kEntriesOffset = kContentOffset + sizeof(DirectoryPage);
constexpr uint32 kEntriesPerPage = (kContentEnd - kEntriesOffset) / sizeof(ListEntry);

static_assert(kEntriesPerPage == 145);

// ---- scan pages

struct ScanPage {
    uint32 fine_block;
    uint32 fine_slot;  // number, in fine_block, of slot 0's record
    uint8 groups_used; // by slices; the rest is free for new ones
    uint8 slice_count;
    uint16 flags;
    uint32 reserved;
};

static_assert(sizeof(ScanPage) == 16);

/// Slice::flags
constexpr uint16 kInFreeChain = 1;

/// Slice::list of groups that belong to no list: a new slice may take them.
constexpr uint32 kNoList = 0xffffffff;

struct Slice {
    uint32 list;
    uint8 first_group;
    uint8 groups;
    uint16 count; // slots used since the slice was made: [0, count) may have rows
    uint16 dead;  // free slots below count
    uint16 flags;
    SlicePointer next;
    SlicePointer next_free;
};

static_assert(sizeof(Slice) == 28);

constexpr uint32 kSlicesOffset = kContentOffset + sizeof(ScanPage);

struct ScanLayout {
    uint32 groups_per_page;
    uint32 group_bytes;
    uint32 groups_offset;
    uint32 tids_offset;
};

/// filter_bytes: per row, of all filter columns; filter_columns: how many.
constexpr ScanLayout
scan_layout(uint32 scan_dimensions, uint32 filter_columns, uint32 filter_bytes)
{
    const uint32 rows = kernel::kGroupRows;
    const uint32 raw = 4 * scan_dimensions + rows * 4 + filter_columns * 4 + rows * filter_bytes;
    const uint32 group = (raw + kCacheLine - 1) / kCacheLine * kCacheLine;
    for (uint32 groups = 255 < BLCKSZ / group ? 255 : BLCKSZ / group; groups > 0; groups--) {
        const uint32 tids = kSlicesOffset + groups * static_cast<uint32>(sizeof(Slice));
        const uint32 tids_end = tids + groups * rows * static_cast<uint32>(sizeof(ItemPointerData));
        const uint32 start = (tids_end + kCacheLine - 1) / kCacheLine * kCacheLine;
        if (start + groups * group <= kContentEnd)
            return {groups, group, start, tids};
    }
    return {0, group, 0, 0}; // too wide: refused when the index is created
}

static_assert(scan_layout(128, 0, 0).groups_per_page == 9);
static_assert(scan_layout(384, 0, 0).groups_per_page == 4);
static_assert(scan_layout(1920, 0, 0).groups_per_page == 1);

// Offsets in a group.

constexpr uint32
add_offset(uint32 scan_dimensions)
{
    return 4 * scan_dimensions;
}

constexpr uint32
rescale_offset(uint32 scan_dimensions)
{
    return add_offset(scan_dimensions) + static_cast<uint32>(kernel::kGroupRows * sizeof(uint16));
}

struct FilterPlace {
    uint32 nulls;
    uint32 values;
};

/// All null bits, then the values. Wider values first would need no gaps; kernels read unaligned,
/// so there are none anyway. widths: of all filter columns.
constexpr FilterPlace
filter_place(uint32 scan_dimensions, uint32 filter_columns, const uint8 *widths, uint32 column)
{
    const auto rows = static_cast<uint32>(kernel::kGroupRows);
    const uint32 nulls = rescale_offset(scan_dimensions) + rows * sizeof(uint16);
    uint32 values = nulls + filter_columns * sizeof(uint32);
    for (uint32 i = 0; i < column; i++)
        values += rows * widths[i];
    return {nulls + column * static_cast<uint32>(sizeof(uint32)), values};
}

// ---- fine pages

struct FinePage {
    uint32 reserved[2];
};

constexpr uint32 kFineOffset = kContentOffset + sizeof(FinePage);
constexpr uint32 kFineFactorBytes = 2 * sizeof(float);

constexpr uint32
fine_bytes(uint32 padded)
{
    return kFineFactorBytes + padded / 2;
}

constexpr uint32
fine_per_page(uint32 padded)
{
    return (kContentEnd - kFineOffset) / fine_bytes(padded);
}

static_assert(fine_per_page(kMaxDimensions) == 1 && fine_per_page(128) == 113);

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

inline Slice *
slices(Page page)
{
    return reinterpret_cast<Slice *>(page + kSlicesOffset);
}

inline ItemPointer
tids(const MetaPage &meta, Page page)
{
    return reinterpret_cast<ItemPointer>(page + meta.tids_offset);
}

inline uint8 *
group(const MetaPage &meta, Page page, uint32 number)
{
    return reinterpret_cast<uint8 *>(page) + meta.groups_offset + number * meta.group_bytes;
}

inline uint32
add_offset(const MetaPage &meta)
{
    return add_offset(meta.scan_dimensions);
}

inline uint32
rescale_offset(const MetaPage &meta)
{
    return rescale_offset(meta.scan_dimensions);
}

inline bool
is_live(const ItemPointerData &tid)
{
    return tid.ip_posid != 0;
}

inline bool
is_valid(const SlicePointer &pointer)
{
    return pointer.block != InvalidBlockNumber;
}

constexpr SlicePointer kNoSlice = {InvalidBlockNumber, 0};

/// What stands in a place that a new list can have.
inline ListEntry
vacant_entry()
{
    ListEntry entry;
    memset(&entry, 0, sizeof(entry));
    entry.first = entry.tail = entry.free = kNoSlice;
    entry.flags = kVacant;
    entry.died = 1;
    return entry;
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

} // namespace vx::ivfrabitq::page
