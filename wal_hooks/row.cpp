// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/row.hpp"

#include "wal_hooks/codec/magnitudes.hpp"
#include "wal_hooks/codec/number.hpp"
#include "wal_hooks/page_delta.hpp"
#include "wal_hooks/row_steps.hpp"

#include <initializer_list>

namespace vx::wal
{

namespace page = ivfrabitq::page;

constexpr uint32 kDimensionUnit = 64; // padded and scan dimensions are multiples of it
constexpr uint8 kNewFinePage = 1;
constexpr uint8 kRaisesLower = 2;
constexpr uint8 kPacked = 4;
constexpr uint8 kNotCovered = 8;
constexpr int kColumnsShift = 4;
constexpr Size kFactorBytes = 2 * sizeof(uint16) + 2 * sizeof(float);

static_assert(page::kMaxFilterColumns < 16, "the number has four bits");
static_assert(page::kMaxDimensions / kDimensionUnit <= 255, "the shape has a byte");
static_assert(sizeof(kernel::CodeFactors) == kFactorBytes, "logged as it lies in memory");

// What does not depend on dimensions: shape and flags, place, filter columns, factors.
constexpr Size kMaxHeadBytesOfRow = 3 + 7 * kMaxNumberBytes +
                                    page::kMaxFilterColumns * (1 + sizeof(uint32) + 16) + 1 +
                                    kFactorBytes;

static_assert(kMaxHeadBytesOfRow + kernel::kMaxScanDimensions / 8 + page::kMaxDimensions / 2 <=
              kMaxRowBytes);

Size
most_row_bytes(const RowShape &shape) noexcept
{
    return kMaxHeadBytesOfRow + shape.scan_dimensions / 8 + shape.padded / 2;
}

// ---- writing

static uint8 *
append(uint8 *out, const void *bytes, Size count) noexcept
{
    memcpy(out, bytes, count);
    return out + count;
}

static uint8 *
append_place(uint8 *out, const Row &row) noexcept
{
    for (const uint32 number : {row.slice, row.slot, uint32{row.counts[0]}, uint32{row.counts[1]},
                                row.record, ItemPointerGetBlockNumberNoCheck(&row.tid),
                                uint32{ItemPointerGetOffsetNumberNoCheck(&row.tid)}})
        out = write_number(number, out);
    return out;
}

static uint8 *
append_filters(uint8 *out, const Row &row) noexcept
{
    if (row.shape.filter_columns == 0)
        return out;
    out = append(out, row.shape.widths, row.shape.filter_columns);
    *out++ = row.changed_nulls;
    for (uint32 i = 0; i < row.shape.filter_columns; i++)
        if (row.changed_nulls >> i & 1)
            out = append(out, &row.nulls[i], sizeof(row.nulls[i]));
    return out;
}

Size
write_row(const Row &row, uint8 *out) noexcept
{
    const RowShape &shape = row.shape;
    const bool covered = shape.is_packable();
    uint8 flags = static_cast<uint8>(shape.filter_columns << kColumnsShift);
    flags |= row.new_fine_page ? kNewFinePage : 0;
    flags |= row.raises_lower ? kRaisesLower : 0;
    flags |= covered ? 0 : kNotCovered;

    uint8 *at = out;
    *at++ = static_cast<uint8>(shape.padded / kDimensionUnit);
    uint8 *flags_at = at++;
    if (!covered)
        *at++ = static_cast<uint8>(shape.scan_dimensions / kDimensionUnit);
    at = append_place(at, row);
    at = append_filters(at, row);
    at = append(at, &row.factors, kFactorBytes);
    at = append(at, row.bits, shape.scan_dimensions / 8);
    at = append(at, row.values, shape.value_bytes());

    const Size fine = shape.padded / 2;
    const Size packed =
        covered ? pack_magnitudes(row.fine, row.bits, shape.padded, at, fine - 1) : 0;
    if (packed > 0)
        flags |= kPacked;
    else
        memcpy(at, row.fine, fine);
    *flags_at = flags;
    return static_cast<Size>(at - out) + (packed > 0 ? packed : fine);
}

// ---- reading: from WAL, so nothing is believed

namespace
{

struct Cursor {
    const uint8 *at;
    const uint8 *end;
    bool good;

    /// What is not there reads as zeroes, and is remembered.
    const uint8 *take(Size bytes) noexcept
    {
        static const uint8 none[Max(page::kMaxFilterColumns * 16, kernel::kMaxScanDimensions / 8)] =
            {};
        if (good && static_cast<Size>(end - at) >= bytes) {
            at += bytes;
            return at - bytes;
        }
        good = false;
        return none;
    }

    uint32 number() noexcept
    {
        uint32 value = 0;
        if (!good || read_number(&at, end, kMaxNumberBytes, &value) != ReadNumber::good)
            good = false;
        return good ? value : 0;
    }
};

} // namespace

static bool
is_width(uint8 width) noexcept
{
    return width == 1 || width == 2 || width == 4 || width == 8 || width == 16;
}

static const char *
read_filters(Cursor *cursor, Row *row) noexcept
{
    row->changed_nulls = 0;
    if (row->shape.filter_columns == 0)
        return nullptr;
    memcpy(row->shape.widths, cursor->take(row->shape.filter_columns), row->shape.filter_columns);
    for (uint32 i = 0; i < row->shape.filter_columns; i++)
        if (!is_width(row->shape.widths[i]))
            return "no filter column is so wide";
    row->changed_nulls = *cursor->take(1);
    if (row->changed_nulls >> row->shape.filter_columns != 0)
        return "it has null bits of a filter column that is not there";
    for (uint32 i = 0; i < row->shape.filter_columns; i++)
        if (row->changed_nulls >> i & 1)
            memcpy(&row->nulls[i], cursor->take(sizeof(uint32)), sizeof(uint32));
    return nullptr;
}

/// The places that it names are in pages of its shape.
static const char *
place_error(const Row &row) noexcept
{
    const page::ScanLayout layout = scan_layout_of(row.shape);
    const auto rows = static_cast<uint32>(kernel::kGroupRows);
    if (row.slice >= layout.groups_per_page || row.slot >= layout.groups_per_page * rows ||
        row.record >= page::fine_per_page(row.shape.padded))
        return "its place is outside the page";
    return nullptr;
}

static const char *
read_place(Cursor *cursor, Row *row) noexcept
{
    row->slice = cursor->number();
    row->slot = cursor->number();
    const uint32 count = cursor->number();
    const uint32 dead = cursor->number();
    row->record = cursor->number();
    const uint32 block = cursor->number();
    const uint32 offset = cursor->number();
    if (count > PG_UINT16_MAX || dead > PG_UINT16_MAX || offset > PG_UINT16_MAX)
        return "a number is too great";
    row->counts[0] = static_cast<uint16>(count);
    row->counts[1] = static_cast<uint16>(dead);
    ItemPointerSet(&row->tid, block, static_cast<OffsetNumber>(offset));
    return nullptr;
}

static const char *
read_shape(Cursor *cursor, RowShape *shape, uint8 *flags) noexcept
{
    shape->padded = *cursor->take(1) * kDimensionUnit;
    *flags = *cursor->take(1);
    shape->scan_dimensions =
        *flags & kNotCovered ? *cursor->take(1) * kDimensionUnit : shape->padded;
    shape->filter_columns = *flags >> kColumnsShift;
    if (shape->padded == 0 || shape->padded > page::kMaxDimensions || shape->scan_dimensions == 0 ||
        shape->scan_dimensions > kernel::kMaxScanDimensions ||
        shape->scan_dimensions > shape->padded || shape->filter_columns > page::kMaxFilterColumns)
        return "no index has such a shape";
    if (*flags & kPacked && !shape->is_packable())
        return "its fine code cannot be packed";
    return nullptr;
}

static const char *
read_fine(Cursor *cursor, uint8 flags, LoggedRow *out) noexcept
{
    Row &row = out->row;
    const auto left = static_cast<Size>(cursor->end - cursor->at);
    row.fine = cursor->at;
    if (!(flags & kPacked))
        return left == row.shape.padded / 2 ? nullptr : "its fine code has another length";
    row.fine = out->fine;
    if (!unpack_magnitudes(cursor->at, left, row.bits, row.shape.padded, out->fine))
        return "its fine code cannot be unpacked";
    return nullptr;
}

const char *
read_row(const void *data, Size length, LoggedRow *out) noexcept
{
    const auto *begin = static_cast<const uint8 *>(data);
    Cursor cursor = {begin, begin + length, true};
    Row &row = out->row;
    uint8 flags = 0;
    if (const char *error = read_shape(&cursor, &row.shape, &flags))
        return error;
    row.new_fine_page = (flags & kNewFinePage) != 0;
    row.raises_lower = (flags & kRaisesLower) != 0;
    if (const char *error = read_place(&cursor, &row))
        return error;
    if (const char *error = read_filters(&cursor, &row))
        return error;
    memcpy(&row.factors, cursor.take(kFactorBytes), kFactorBytes);
    row.bits = cursor.take(row.shape.scan_dimensions / 8);
    row.values = cursor.take(row.shape.value_bytes());
    if (!cursor.good)
        return "it ends early";
    if (const char *error = place_error(row))
        return error;
    return read_fine(&cursor, flags, out);
}

// ---- steps

bool
expand_row(const Row &row, RowDeltas *out) noexcept
{
    bool good = true;
    const auto append_to = [out, &good](int page) {
        out->length[page] = 0;
        return [out, page, &good](const Step &step) {
            const Size most = kMaxHeadBytes + data_bytes(step);
            good = good && fits(step, kPageBounds) &&
                   out->length[page] + most <= sizeof(out->bytes[page]);
            if (!good)
                return;
            auto *end = reinterpret_cast<uint8 *>(out->bytes[page]) + out->length[page];
            out->length[page] += write_step(step, end);
        };
    };
    put_scan_page_steps(row, append_to(0));
    put_fine_page_steps(row, append_to(1));
    return good;
}

} // namespace vx::wal
