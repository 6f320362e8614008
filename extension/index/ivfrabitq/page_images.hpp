// SPDX-License-Identifier: PostgreSQL
//
// Scan pages while a build fills them, with the fine records of their slots.
#pragma once

#include "index/ivfrabitq/row_code.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "utils/tuplesort.h"
}

namespace vx::ivfrabitq
{

struct PageImage {
    char *page; // BLCKSZ
    char *fine; // a record per slot of the page
};

/// Bytes of an image.
Size image_bytes(const Meta &meta);

PageImage *make_image(const Meta &meta);
void free_image(PageImage *image);
void clear_image(const Meta &meta, PageImage *image);

/// The sorted rows, one after the other.
struct RowReader {
    Relation index;
    const Meta *meta;
    Tuplesortstate *sort;
    TupleTableSlot *slot;
    RowCode *row;
    int64 done;
};

void begin_reading(RowReader *reader, Relation index, const Meta *meta, Tuplesortstate *sort);
void end_reading(RowReader *reader);

struct NewSlice {
    uint32 list;
    uint32 first_group;
    uint32 groups;
    uint32 count; // rows: groups * 32, or up to 31 less
};

/// Adds a slice behind the page's others and reads its rows.
void add_slice(const Meta &meta, PageImage *image, const NewSlice &slice, RowReader *reader);

/// Sets what depends on the page's number (from 0, in the order of the scan pages).
void finish_image(const Meta &meta, PageImage *image, uint32 number);

} // namespace vx::ivfrabitq
