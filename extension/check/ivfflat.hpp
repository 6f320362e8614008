// SPDX-License-Identifier: PostgreSQL
//
// Private to the check of ivfflat: what one call knows.
#pragma once

#include "check/check.hpp"
#include "index/ivf/lists.hpp"

namespace vx::check::flat
{

namespace page = ivf::page;
using ivf::Meta;

struct Walk {
    Check *check;
    Meta meta;
    bool *walked;       // by list: all its pages were reached
    BlockNumber blocks; // of the file, when the row pages were read
    NumberSet bad;      // blocks that were told about: links to them are not followed
    NumberSet met;      // row pages, in block order
    NumberSet reached;  // the same, from the lists
    char *page;

    // if deep
    float *row;
    float *centroids; // all of them; nullptr: too many, or damaged
    float *distances;
};

/// What is wrong with the page as one of that kind, but for its content; nullptr if nothing.
const char *page_problem(char *page, page::Kind kind);

inline bool
is_damaged(const Walk *walk, BlockNumber block)
{
    return has(walk->bad, block);
}

/// No link, or one to where a row page may be.
inline bool
is_link(const Walk *walk, BlockNumber link)
{
    return link == InvalidBlockNumber || link >= walk->meta.page.first_rows;
}

// ---- ivfflat.cpp

/// Tells about the page in walk->page; links to it are not followed.
void damaged(Walk *walk, BlockNumber block, const char *kind, const char *problem);

/// Copies the page into walk->page and checks all but its content. False: it was told about.
bool read_table_page(Walk *walk, BlockNumber block, page::Kind kind, Size lower);

// ---- ivfflat_pages.cpp

/// What is wrong with walk->page as a row page, but for its rows; nullptr if nothing.
const char *row_page_problem(const Walk *walk);

void check_pages(Walk *walk);

/// Looks again at what led nowhere.
void check_suspects(Walk *walk, const SuspectSet &suspects);

// ---- ivfflat_rows.cpp

void prepare_rows(Walk *walk);

/// Whether a value is one that the index stores.
bool can_index(void *walk, Datum value);

/// The stored row of a slot of walk->page against the table's, and whether it is in its list.
void check_stored_row(Walk *walk, BlockNumber block, uint32 list, uint32 slot);

// ---- ivfflat_lists.cpp

/// Every page that was met must be reached from its list, and chains must be as they say.
void check_lists(Walk *walk);

} // namespace vx::check::flat
