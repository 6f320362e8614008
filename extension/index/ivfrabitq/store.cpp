// SPDX-License-Identifier: PostgreSQL
//
// What an edit stages: slots, slices and groups of a scan page, records of a fine page.
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

/// The bits of a row: half a byte for four dimensions, 16 bytes apart, beside another row's half.
static void
stage_bits(PageEdit *edit, const StagedPage &page, const Meta &meta, uint32 group, uint32 slot,
           RowCode *row)
{
    const auto offset =
        static_cast<uint16>(group_offset(meta, group) + kernel::scan_code_byte(slot, 0));
    edit->write_nibbles(page.handle, offset, 16, kernel::scan_code_mask(slot) == 0xf0,
                        scan_code(row), static_cast<uint16>(meta.page.scan_dimensions / 4));
}

static void
stage_filter_values(PageEdit *edit, const StagedPage &page, const Meta &meta, uint32 group,
                    uint32 slot, RowCode *row)
{
    const uint32 start = group_offset(meta, group);
    const uint8 *value = filter_values(meta, row);
    for (uint32 i = 0; i < meta.page.filter_columns; i++) {
        const page::FilterColumn &column = meta.page.filters[i];
        edit->write(page.handle,
                    static_cast<uint16>(start + column.values_offset + slot * column.width), value,
                    column.width);
        value += column.width;

        const uint32 bit = 1U << slot;
        uint32 nulls = 0;
        if (!page.fresh)
            memcpy(&nulls, page.page + start + column.nulls_offset, sizeof(nulls));
        const uint32 now = (row->nulls >> i & 1) ? nulls | bit : nulls & ~bit;
        if (now != nulls)
            edit->write(page.handle, static_cast<uint16>(start + column.nulls_offset), &now,
                        sizeof(now));
    }
}

void
stage_slot(PageEdit *edit, const StagedPage &page, const Meta &meta, uint32 slot, RowCode *row)
{
    const uint32 group = slot / kGroupRows;
    const uint32 in_group = slot % kGroupRows;
    const uint32 start = group_offset(meta, group) + in_group * static_cast<uint32>(sizeof(uint16));
    stage_bits(edit, page, meta, group, in_group, row);
    edit->write(page.handle, static_cast<uint16>(start + page::add_offset(meta.page)),
                &row->factors.scan_add, sizeof(uint16));
    edit->write(page.handle, static_cast<uint16>(start + page::rescale_offset(meta.page)),
                &row->factors.scan_rescale, sizeof(uint16));
    stage_filter_values(edit, page, meta, group, in_group, row);
    edit->write(page.handle,
                static_cast<uint16>(meta.page.tids_offset + slot * sizeof(ItemPointerData)),
                &row->tid, sizeof(ItemPointerData));
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

void
stage_fine(PageEdit *edit, Buffer buffer, const Meta &meta, const page::ScanPage &header,
           uint32 slot, RowCode *row)
{
    const bool fresh = PageIsNew(BufferGetPage(buffer));
    const StagedPage page = stage_page(edit, buffer, fresh, page::Kind::fine);
    const uint32 record = (header.fine_slot + slot) % meta.page.fine_per_page;
    const uint32 offset = page::kFineOffset + record * meta.page.fine_bytes;
    const uint32 end = offset + meta.page.fine_bytes;

    if (fresh || reinterpret_cast<PageHeader>(page.page)->pd_lower < end)
        edit->set_lower(page.handle, static_cast<uint16>(end));
    const float factors[2] = {row->factors.fine_add, row->factors.fine_rescale};
    static_assert(sizeof(factors) == page::kFineFactorBytes);
    edit->write(page.handle, static_cast<uint16>(offset), factors, sizeof(factors));
    edit->write(page.handle, static_cast<uint16>(offset + sizeof(factors)), fine_code(meta, row),
                static_cast<uint16>(meta.page.padded / 2));
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
