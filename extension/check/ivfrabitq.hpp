// SPDX-License-Identifier: PostgreSQL
//
// Private to the check of ivfrabitq: what one call knows.
#pragma once

#include "check/check.hpp"
#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/lists.hpp"

namespace vx::check::rabitq
{

namespace page = ivfrabitq::page;
using ivfrabitq::Meta;

constexpr auto kGroupRows = static_cast<uint32>(kernel::kGroupRows);

struct Walk {
    Check *check;
    Meta meta;                // when the check began; as a scan that began then would see the index
    page::ListEntry *entries; // the same; of places below meta.page.lists
    bool *known;              // by list: its entry could be read
    bool *walked;             // by list: all its slices were reached
    BlockNumber blocks;       // of the file, when the scan pages were read
    NumberSet bad;            // blocks that were told about: links to them are not followed
    NumberSet met;            // slices of lists, by number_of(), on the pages
    NumberSet reached;        // the same, from the lists
    char *page;
    char *fine;
    BlockNumber fine_block; // in `fine`; Invalid: none

    // if deep
    ivfrabitq::Encoder encoder;
    float *row;
    int8 *centre;
    float scale;
    uint32 centre_list; // in `centre`
    bool centre_known;
    char *tiles;
    BlockNumber tiles_block; // in `tiles`
    ivfrabitq::RowCode *expected;
};

/// What is wrong with the page as one of that kind, but for its content; nullptr if nothing.
const char *page_problem(char *page, page::Kind kind);

inline bool
is_damaged(const Walk *walk, BlockNumber block)
{
    return has(walk->bad, block);
}

inline uint64
number_of(const Walk *walk, page::SlicePointer where)
{
    return static_cast<uint64>(where.block) * walk->meta.page.groups_per_page + where.slice;
}

/// The list was there when the check began: its slices stay as long as our snapshot is held.
inline bool
existed(const Walk *walk, uint32 list)
{
    return list < walk->meta.page.lists && walk->known[list] &&
           page::exists_in(walk->entries[list], walk->meta.page.structure_version);
}

/// The same list is there still.
inline bool
exists_still(const Walk *walk, uint32 list, const page::ListEntry &now)
{
    return existed(walk, list) && !(now.flags & page::kVacant) && now.died == 0 &&
           now.born == walk->entries[list].born;
}

/// No link, or one to where a slice may be.
inline bool
is_link(const Walk *walk, page::SlicePointer link)
{
    return !page::is_valid(link) || (ivfrabitq::is_scan_block(walk->meta, link.block) &&
                                     link.slice < walk->meta.page.groups_per_page);
}

/// The entry in its directory page, which is locked or a copy. Raises unless it is there.
const page::ListEntry *entry_in(const Walk *walk, char *directory, uint32 list);

// ---- ivfrabitq_tables.cpp: what stands before the scan pages

/// Mean and centroids: numbers, and nothing but numbers.
void check_mean(Walk *walk);
void check_centroids(Walk *walk);

/// Directory pages; fills walk->entries and walk->known.
void check_directory(Walk *walk);

// ---- ivfrabitq_pages.cpp

/// What is wrong with walk->page as a scan page, but for its rows and whose the groups are; with
/// the page as a fine page. nullptr if nothing.
const char *scan_page_problem(const Walk *walk);
const char *fine_page_problem(const Walk *walk, char *page, BlockNumber block);

void check_pages(Walk *walk);

// ---- ivfrabitq_slots.cpp

/// The slots of a slice of the page in walk->page.
void check_slots(Walk *walk, BlockNumber block, const page::Slice &slice);

/// Looks again at what led nowhere.
void check_suspects(Walk *walk, const SuspectSet &suspects);

// ---- ivfrabitq_codes.cpp

void prepare_codes(Walk *walk);

/// Whether a value is one that the index stores.
bool can_index(void *walk, Datum value);

/// The codes of a slot with a row, against those that the row in the table gives.
void check_codes(Walk *walk, BlockNumber block, uint32 list, uint32 slot);

// ---- ivfrabitq_lists.cpp

/// Every slice that was met must be reached from its list, and chains must be as they say.
void check_lists(Walk *walk);

/// A slice of a place that no list has: sound only if a split is just filling that place.
void check_vacant(Walk *walk, BlockNumber block, uint32 number, uint32 list);

} // namespace vx::check::rabitq
