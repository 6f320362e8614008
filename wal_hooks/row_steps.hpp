// SPDX-License-Identifier: PostgreSQL
//
// What a row (row.hpp) changes in its two pages, step by step: on the primary when it is staged, in
// replay from its record. put(step) copies what the step points to, or does it.
#pragma once

#include "wal_hooks/row.hpp"

namespace vx::wal
{

inline ivfrabitq::page::ScanLayout
scan_layout_of(const RowShape &shape) noexcept
{
    return ivfrabitq::page::scan_layout(shape.scan_dimensions, shape.filter_columns,
                                        shape.value_bytes());
}

namespace detail
{

template <class Put>
inline void
put_bytes(Put &&put, uint32 offset, const void *bytes, uint32 count)
{
    put(Step{Operation::bytes, count, offset, 0, static_cast<const uint8 *>(bytes)});
}

/// Half a byte for four dimensions, 16 bytes apart, beside another row's half.
template <class Put>
inline void
put_scan_code(Put &&put, const Row &row, uint32 group, uint32 slot)
{
    constexpr uint32 kQuadBytes = 16;
    const bool high = kernel::scan_code_mask(slot) == 0xf0;
    put(Step{high ? Operation::high_nibbles : Operation::low_nibbles, row.shape.scan_dimensions / 4,
             group + static_cast<uint32>(kernel::scan_code_byte(slot, 0)), kQuadBytes, row.bits});
}

template <class Put>
inline void
put_filter_values(Put &&put, const Row &row, uint32 group, uint32 slot)
{
    const RowShape &shape = row.shape;
    const uint8 *value = row.values;
    for (uint32 i = 0; i < shape.filter_columns; i++) {
        const auto place = ivfrabitq::page::filter_place(shape.scan_dimensions,
                                                         shape.filter_columns, shape.widths, i);
        put_bytes(put, group + place.values + slot * shape.widths[i], value, shape.widths[i]);
        value += shape.widths[i];
        if (row.changed_nulls >> i & 1)
            put_bytes(put, group + place.nulls, &row.nulls[i], sizeof(row.nulls[i]));
    }
}

} // namespace detail

template <class Put>
inline void
put_scan_page_steps(const Row &row, Put &&put)
{
    namespace page = ivfrabitq::page;
    const auto rows = static_cast<uint32>(kernel::kGroupRows);
    const page::ScanLayout layout = scan_layout_of(row.shape);
    const uint32 group = layout.groups_offset + row.slot / rows * layout.group_bytes;
    const uint32 slot = row.slot % rows;
    const uint32 add = group + page::add_offset(row.shape.scan_dimensions);
    const uint32 rescale = group + page::rescale_offset(row.shape.scan_dimensions);

    static_assert(offsetof(page::Slice, dead) == offsetof(page::Slice, count) + sizeof(uint16));
    detail::put_bytes(put,
                      page::kSlicesOffset + row.slice * static_cast<uint32>(sizeof(page::Slice)) +
                          static_cast<uint32>(offsetof(page::Slice, count)),
                      row.counts, sizeof(row.counts));
    detail::put_scan_code(put, row, group, slot);
    detail::put_bytes(put, add + slot * 2, &row.factors.scan_add, sizeof(uint16));
    detail::put_bytes(put, rescale + slot * 2, &row.factors.scan_rescale, sizeof(uint16));
    detail::put_filter_values(put, row, group, slot);
    detail::put_bytes(put,
                      layout.tids_offset + row.slot * static_cast<uint32>(sizeof(ItemPointerData)),
                      &row.tid, sizeof(ItemPointerData));
}

template <class Put>
inline void
put_fine_page_steps(const Row &row, Put &&put)
{
    namespace page = ivfrabitq::page;
    const uint32 bytes = page::fine_bytes(row.shape.padded);
    const uint32 offset = page::kFineOffset + row.record * bytes;
    const uint16 lower = fine_end(row);
    if (row.new_fine_page) {
        static constexpr page::Special kSpecial = {0, 0, 0, page::Kind::fine, page::kPageId};
        put(Step{Operation::initialise, sizeof(kSpecial), 0, 0, nullptr});
        detail::put_bytes(put, page::kContentEnd, &kSpecial, sizeof(kSpecial));
    }
    if (row.raises_lower)
        detail::put_bytes(put, offsetof(PageHeaderData, pd_lower), &lower, sizeof(lower));
    const float factors[2] = {row.factors.fine_add, row.factors.fine_rescale};
    static_assert(sizeof(factors) == page::kFineFactorBytes);
    detail::put_bytes(put, offset, factors, sizeof(factors));
    detail::put_bytes(put, offset + page::kFineFactorBytes, row.fine, row.shape.padded / 2);
}

/// A row's steps as the deltas of its scan page and its fine page.
struct RowDeltas {
    Size length[2];
    char bytes[2][BLCKSZ + 512]; // a page, and heads of steps
};

/// False: they leave their pages. Allocates nothing.
bool expand_row(const Row &row, RowDeltas *out) noexcept;

} // namespace vx::wal
