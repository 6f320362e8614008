// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/page_images.hpp"

extern "C" {
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
}

#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/row_sorter.hpp"
#include "index/ivfrabitq/sorted_rows.hpp"

#include <algorithm>

namespace vx::ivfrabitq
{

constexpr int64 kProgressEvery = 1024; // rows

constexpr auto kRows = static_cast<uint32>(kernel::kGroupRows);

static Size
fine_image_bytes(const Meta &meta)
{
    return static_cast<Size>(meta.rows_per_page()) * meta.page.fine_bytes;
}

Size
image_bytes(const Meta &meta)
{
    return sizeof(PageImage) + BLCKSZ + fine_image_bytes(meta);
}

PageImage *
make_image(const Meta &meta)
{
    auto *image = static_cast<PageImage *>(palloc(image_bytes(meta)));
    image->page = reinterpret_cast<char *>(image + 1);
    image->fine = image->page + BLCKSZ;
    clear_image(meta, image);
    return image;
}

void
free_image(PageImage *image)
{
    pfree(image);
}

void
clear_image(const Meta &meta, PageImage *image)
{
    memset(image->page, 0, BLCKSZ);
    memset(image->fine, 0, fine_image_bytes(meta));
    page::format(image->page, page::Kind::scan);
}

// ---- rows

void
begin_reading(RowReader *reader, Relation index, const Meta *meta, Tuplesortstate *sort)
{
    reader->index = index;
    reader->meta = meta;
    reader->sort = sort;
    reader->slot = MakeSingleTupleTableSlot(row_sort_descriptor(), &TTSOpsMinimalTuple);
    reader->row = static_cast<RowCode *>(palloc(row_code_bytes(*meta)));
    reader->done = 0;
}

void
end_reading(RowReader *reader)
{
    if (tuplesort_gettupleslot(reader->sort, true, false, reader->slot, nullptr))
        elog(ERROR, "sorted rows do not match the counts of their lists");
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, reader->done);
    ExecDropSingleTupleTableSlot(reader->slot);
    pfree(reader->row);
}

/// The next row into reader->row.
static void
read_row(RowReader *reader, uint32 list)
{
    bool isnull;
    if (!tuplesort_gettupleslot(reader->sort, true, false, reader->slot, nullptr) ||
        list_of_key(DatumGetInt64(slot_getattr(reader->slot, 1, &isnull))) != list)
        elog(ERROR, "sorted rows do not match the counts of their lists");
    const auto *bytes =
        reinterpret_cast<const char *>(DatumGetPointer(slot_getattr(reader->slot, 2, &isnull)));
    memcpy(reader->row, VARDATA_ANY(bytes), row_code_bytes(*reader->meta));
    if (++reader->done % kProgressEvery == 0)
        pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, reader->done);
}

static void
put_fine_record(const Meta &meta, PageImage *image, uint32 slot, RowCode *row)
{
    char *record = image->fine + static_cast<Size>(slot) * meta.page.fine_bytes;
    const float factors[] = {row->factors.fine_add, row->factors.fine_rescale};
    memcpy(record, factors, sizeof(factors));
    memcpy(record + page::kFineFactorBytes, fine_code(meta, row), meta.page.padded / 2);
}

/// Writes the row into slot `slot` of the page.
static void
put_row(const Meta &meta, PageImage *image, uint32 slot, RowCode *row)
{
    uint8 *group = page::group(meta.page, image->page, slot / kRows);
    const uint32 place = slot % kRows;
    kernel::put_scan_code(meta.shape(), group, place, scan_code(row));
    reinterpret_cast<uint16 *>(group + page::add_offset(meta.page))[place] = row->factors.scan_add;
    reinterpret_cast<uint16 *>(group + page::rescale_offset(meta.page))[place] =
        row->factors.scan_rescale;
    if (meta.page.filter_columns > 0)
        put_filter_values(meta, group, place, row);
    page::tids(meta.page, image->page)[slot] = row->tid;
    put_fine_record(meta, image, slot, row);
}

static void
clear_groups(const Meta &meta, PageImage *image, uint32 first, uint32 count)
{
    for (uint32 i = first; i < first + count; i++) {
        uint8 *group = page::group(meta.page, image->page, i);
        auto *add = reinterpret_cast<uint16 *>(group + page::add_offset(meta.page));
        std::fill(add, add + kRows, kernel::kNoRowAdd);
    }
}

void
add_slice(const Meta &meta, PageImage *image, const NewSlice &slice, RowReader *reader)
{
    auto *header = page::content<page::ScanPage>(image->page);
    page::Slice &entry = page::slices(image->page)[header->slice_count++];
    entry.list = slice.list;
    entry.first_group = static_cast<uint8>(slice.first_group);
    entry.groups = static_cast<uint8>(slice.groups);
    entry.count = static_cast<uint16>(slice.count);
    entry.flags = slice.count < slice.groups * kRows ? page::kInFreeChain : 0;
    entry.next = entry.next_free = page::kNoSlice;
    header->groups_used = static_cast<uint8>(header->groups_used + slice.groups);

    clear_groups(meta, image, slice.first_group, slice.groups);
    for (uint32 i = 0; i < slice.count; i++) {
        read_row(reader, slice.list);
        put_row(meta, image, slice.first_group * kRows + i, reader->row);
    }
}

void
finish_image(const Meta &meta, PageImage *image, uint32 number)
{
    auto *header = page::content<page::ScanPage>(image->page);
    const uint64 record = static_cast<uint64>(number) * meta.rows_per_page();
    header->fine_block = static_cast<uint32>(meta.page.first_scan + meta.page.scan_pages +
                                             record / meta.page.fine_per_page);
    header->fine_slot = static_cast<uint32>(record % meta.page.fine_per_page);
    reinterpret_cast<PageHeader>(image->page)->pd_lower = static_cast<LocationIndex>(
        meta.page.groups_offset + header->groups_used * meta.page.group_bytes);
}

} // namespace vx::ivfrabitq
