// SPDX-License-Identifier: PostgreSQL
//
// A row put into a slot of an `ivfrabitq` index: by far the most frequent edit there is, so it has
// a record of its own (vector/ROW), whose main data is
//
//     0   uint8  padded / 64
//     1   uint8  bit 0: the fine page starts as an empty page     bit 1: its pd_lower rises to the
//                record's end     bit 2: the fine code is packed  bit 3: scan codes do not cover
//                all coordinates      bits 4 .. 7: how many filter columns there are
//    (    uint8  scan dimensions / 64          only with bit 3)
//         numbers (codec/number.hpp): slice, slot, the slice's count and dead after it, record on
//                the fine page, block and offset number of the row in the table
//    (    uint8  width of each filter column   only with filter columns)
//    (    uint8  bit i: column i's null bits change; uint32 each that does, as it is then)
//         uint16 add, uint16 rescale           of the scan code
//         float  add, float rescale            of the fine code
//         scan code       scan dimensions / 8 bytes: bit i % 8 of byte i / 8 is coordinate i
//         filter values   by their widths
//         fine code       to the end: packed (codec/magnitudes.hpp), or padded / 2 bytes
//
// in native byte order. Where all of that goes in the two pages follows from the layout of
// index/ivfrabitq/page.hpp. An edit stages the same row as steps; which it is logged as makes no
// difference to the pages.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "index/ivfrabitq/page.hpp"
#include "wal_hooks/codec/delta.hpp"

namespace vx::wal
{

/// What follows from an index's metapage.
struct RowShape {
    uint32 padded;
    uint32 scan_dimensions;
    uint32 filter_columns;
    uint8 widths[ivfrabitq::page::kMaxFilterColumns]; // of their values

    /// Fine codes without a scan code beside each coordinate are not packed: their levels are
    /// signed, and as frequent as each other's opposite.
    bool is_packable() const noexcept { return scan_dimensions == padded; }

    /// Of the filter columns of a row.
    uint32 value_bytes() const noexcept
    {
        uint32 bytes = 0;
        for (uint32 i = 0; i < filter_columns; i++)
            bytes += widths[i];
        return bytes;
    }
};

struct Row {
    RowShape shape;
    uint32 slice;     // of the scan page
    uint32 slot;      // of the scan page
    uint16 counts[2]; // the slice's count and dead, after it
    uint32 record;    // on the fine page
    bool new_fine_page;
    bool raises_lower; // of the fine page; a new one's always
    ItemPointerData tid;
    kernel::CodeFactors factors;
    uint8 changed_nulls; // bit = filter column
    uint32 nulls[ivfrabitq::page::kMaxFilterColumns];
    const uint8 *bits;
    const uint8 *values;
    const uint8 *fine;
};

/// The end of the row's record on its fine page.
inline uint16
fine_end(const Row &row) noexcept
{
    namespace page = ivfrabitq::page;
    return static_cast<uint16>(page::kFineOffset +
                               (row.record + 1) * page::fine_bytes(row.shape.padded));
}

/// Bytes of main data, at most: of any row, and of one.
constexpr Size kMaxRowBytes = 16 * 1024;
Size most_row_bytes(const RowShape &shape) noexcept;

/// The main data of the record; returns its length. REQUIRES: most_row_bytes() of room.
Size write_row(const Row &row, uint8 *out) noexcept;

/// A row from a record, and what it was unpacked into.
struct LoggedRow {
    Row row; // points to the record and to `fine`
    uint8 fine[kernel::kMaxScanDimensions / 2];
};

/// nullptr, or why these bytes are no row. What was read fits in pages of its shape.
const char *read_row(const void *data, Size length, LoggedRow *out) noexcept;

} // namespace vx::wal
