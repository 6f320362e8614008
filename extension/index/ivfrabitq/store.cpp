// SPDX-License-Identifier: PostgreSQL
//
// What an edit stages: slices and groups of a scan page, a row in both of its pages.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/store.hpp"

#include <algorithm>

namespace vx::ivfrabitq
{

using wal::PageEdit;

Buffer
lock_page(Relation index, BlockNumber block, int mode)
{
    Buffer buffer = read_page(index, block);
    LockBuffer(buffer, mode);
    return buffer;
}

Buffer
lock_meta_page(Relation index)
{
    Buffer buffer = lock_page(index, 0, BUFFER_LOCK_EXCLUSIVE);
    Page page = BufferGetPage(buffer);
    // what lies beyond pd_lower would be lost by the edit
    if (!page::has_kind(page, page::Kind::meta) ||
        reinterpret_cast<PageHeader>(page)->pd_lower !=
            page::kContentOffset + sizeof(page::MetaPage))
        report_corrupted(index, 0, "not a metapage");
    return buffer;
}

StagedPage
stage_page(PageEdit *edit, Buffer buffer, bool fresh, page::Kind kind)
{
    const StagedPage staged = {edit->add(buffer), BufferGetPage(buffer), fresh};
    if (fresh) {
        const page::Special special = {0, 0, 0, kind, page::kPageId};
        edit->initialise(staged.handle, sizeof(special));
        edit->write(staged.handle, page::kContentEnd, &special, sizeof(special));
    }
    return staged;
}

void
stage_header(PageEdit *edit, const StagedPage &page, const Meta &meta, const page::ScanPage &header)
{
    edit->write(page.handle, page::kContentOffset, &header, sizeof(header));
    edit->set_lower(page.handle, static_cast<uint16>(meta.page.groups_offset +
                                                     header.groups_used * meta.page.group_bytes));
}

void
stage_slice(PageEdit *edit, const StagedPage &page, uint32 number, const page::Slice &slice)
{
    edit->write(page.handle, slice_offset(number), &slice, sizeof(slice));
}

void
stage_counts(PageEdit *edit, const StagedPage &page, uint32 number, const page::Slice &slice)
{
    static_assert(offsetof(page::Slice, dead) == offsetof(page::Slice, count) + sizeof(uint16));
    edit->write(page.handle,
                static_cast<uint16>(slice_offset(number) + offsetof(page::Slice, count)),
                &slice.count, 2 * sizeof(uint16));
}

static uint32
group_offset(const Meta &meta, uint32 group)
{
    return meta.page.groups_offset + group * meta.page.group_bytes;
}

void
stage_empty_groups(PageEdit *edit, const StagedPage &page, const Meta &meta, uint32 first,
                   uint32 count)
{
    uint16 adds[kGroupRows];
    std::fill_n(adds, kGroupRows, kernel::kNoRowAdd);
    for (uint32 i = first; i < first + count; i++)
        edit->write(page.handle,
                    static_cast<uint16>(group_offset(meta, i) + page::add_offset(meta.page)), adds,
                    sizeof(adds));

    // a group that was another list's before has its tids
    static const char none[kGroupRows * sizeof(ItemPointerData)] = {};
    for (uint32 i = first; i < first + count && !page.fresh; i++) {
        const uint32 offset = meta.page.tids_offset + i * sizeof(none);
        if (memcmp(page.page + offset, none, sizeof(none)) != 0)
            edit->write(page.handle, static_cast<uint16>(offset), none, sizeof(none));
    }
}

void
stage_no_row(PageEdit *edit, const StagedPage &page, const Meta &meta, uint32 slot)
{
    const ItemPointerData none = {};
    edit->write(page.handle, static_cast<uint16>(meta.page.tids_offset + slot * sizeof(none)),
                &none, sizeof(none));
    edit->write(page.handle,
                static_cast<uint16>(group_offset(meta, slot / kGroupRows) +
                                    page::add_offset(meta.page) +
                                    slot % kGroupRows * sizeof(uint16)),
                &kernel::kNoRowAdd, sizeof(kernel::kNoRowAdd));
}

Buffer
lock_fine_page(Relation index, const Meta &meta, const page::ScanPage &header, uint32 slot)
{
    const BlockNumber block =
        header.fine_block + (header.fine_slot + slot) / meta.page.fine_per_page;
    Buffer buffer = lock_page(index, block, BUFFER_LOCK_EXCLUSIVE);
    Page page = BufferGetPage(buffer);
    if (!PageIsNew(page) && !page::has_kind(page, page::Kind::fine))
        report_corrupted(index, block, "not a fine page");
    return buffer;
}

static wal::RowShape
row_shape(const Meta &meta)
{
    wal::RowShape shape = {
        meta.page.padded, meta.page.scan_dimensions, meta.page.filter_columns, {}};
    for (uint32 i = 0; i < meta.page.filter_columns; i++)
        shape.widths[i] = meta.page.filters[i].width;
    return shape;
}

/// Null bits are 32 rows' in one number: what it is to be, where it is not yet.
static void
set_nulls(const StagedPage &page, const Meta &meta, uint32 slot, const RowCode *code, wal::Row *row)
{
    const uint32 bit = 1U << (slot % kGroupRows);
    row->changed_nulls = 0;
    for (uint32 i = 0; i < meta.page.filter_columns; i++) {
        uint32 nulls = 0;
        if (!page.fresh)
            memcpy(&nulls,
                   page.page + group_offset(meta, slot / kGroupRows) +
                       meta.page.filters[i].nulls_offset,
                   sizeof(nulls));
        row->nulls[i] = (code->nulls >> i & 1) ? nulls | bit : nulls & ~bit;
        if (row->nulls[i] != nulls)
            row->changed_nulls |= static_cast<uint8>(1U << i);
    }
}

void
stage_row(PageEdit *edit, const StagedPage &page, Buffer fine, const Meta &meta,
          const RowPlace &place, RowCode *code)
{
    Page fine_page = BufferGetPage(fine);
    wal::Row row;
    row.shape = row_shape(meta);
    row.slice = place.slice_number;
    row.slot = place.slot;
    row.counts[0] = place.slice.count;
    row.counts[1] = place.slice.dead;
    row.record = (place.header.fine_slot + place.slot) % meta.page.fine_per_page;
    row.new_fine_page = PageIsNew(fine_page);
    row.raises_lower =
        row.new_fine_page || reinterpret_cast<PageHeader>(fine_page)->pd_lower < wal::fine_end(row);
    row.tid = code->tid;
    row.factors = code->factors;
    set_nulls(page, meta, place.slot, code, &row);
    row.bits = scan_code(code);
    row.values = filter_values(meta, code);
    row.fine = fine_code(meta, code);
    edit->store_row(page.handle, edit->add(fine), row);
}

uint32
take_free_slot(Relation index, const Meta &meta, Buffer buffer, page::Slice *slice)
{
    const uint32 first = slice->first_group * kGroupRows;
    const ItemPointerData *tids = page::tids(meta.page, BufferGetPage(buffer)) + first;
    if (slice->dead == 0 && !page::is_live(tids[slice->count]))
        return first + slice->count++;
    for (uint32 i = 0; i < slice->count && slice->dead > 0; i++)
        if (!page::is_live(tids[i])) {
            slice->dead--;
            return first + i;
        }
    report_corrupted(index, BufferGetBlockNumber(buffer), "free slots are miscounted");
}

} // namespace vx::ivfrabitq
