// SPDX-License-Identifier: PostgreSQL
//
// Checks of what scan pages say, before it is used.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/lists.hpp"

namespace vx::ivfrabitq
{

constexpr auto kRows = static_cast<uint32>(kernel::kGroupRows);
constexpr char kWrongEnd[] = "end of a scan page is out of range";
constexpr char kWrongFinePlace[] = "a link leads out of the fine pages";

static bool
is_scan_page(const Meta &meta, Page page)
{
    const auto *header = page::content<page::ScanPage>(page);
    return page::has_kind(page, page::Kind::scan) &&
           header->slice_count <= meta.page.groups_per_page &&
           header->groups_used <= meta.page.groups_per_page;
}

static bool
has_right_end(const Meta &meta, Page page)
{
    return reinterpret_cast<PageHeader>(page)->pd_lower ==
           meta.page.groups_offset +
               page::content<page::ScanPage>(page)->groups_used * meta.page.group_bytes;
}

/// A scan page's fine codes are where its own place says.
static bool
has_fine_place(const Meta &meta, BlockNumber block, const page::ScanPage &header)
{
    const FinePlace place = fine_place(meta, block);
    return header.fine_block == place.block && header.fine_slot == place.slot;
}

static bool
is_within(const page::ScanPage &header, const page::Slice &slice)
{
    return uint32{slice.first_group} + slice.groups <= header.groups_used &&
           slice.count <= slice.groups * kRows && slice.dead <= slice.count;
}

const page::Slice *
find_slice(Relation index, const Meta &meta, Buffer buffer, uint32 slice, uint32 list,
           const char **missing)
{
    Page page = BufferGetPage(buffer);
    const auto *header = page::content<page::ScanPage>(page);
    *missing = "not a scan page";
    if (unlikely(!is_scan_page(meta, page)))
        return nullptr;
    const page::Slice *found = page::slices(page) + slice;
    *missing = "slice belongs to another list";
    if (unlikely(slice >= header->slice_count || found->list != list))
        return nullptr;
    const BlockNumber block = BufferGetBlockNumber(buffer);
    if (unlikely(!is_within(*header, *found)))
        report_corrupted(index, block, "counts of a slice are out of range");
    if (unlikely(!has_right_end(meta, page)))
        report_corrupted(index, block, kWrongEnd);
    if (unlikely(!has_fine_place(meta, block, *header)))
        report_corrupted(index, block, kWrongFinePlace);
    return found;
}

const page::Slice *
check_slice(Relation index, const Meta &meta, Buffer buffer, uint32 slice, uint32 list)
{
    const char *missing;
    const page::Slice *found = find_slice(index, meta, buffer, slice, list, &missing);
    if (unlikely(found == nullptr))
        report_corrupted(index, BufferGetBlockNumber(buffer), missing);
    return found;
}

void
check_scan_page(Relation index, const Meta &meta, Buffer buffer)
{
    Page page = BufferGetPage(buffer);
    const BlockNumber block = BufferGetBlockNumber(buffer);
    const auto *header = page::content<page::ScanPage>(page);
    if (!is_scan_page(meta, page))
        report_corrupted(index, block, "not a scan page");
    if (!has_right_end(meta, page))
        report_corrupted(index, block, kWrongEnd);
    if (!has_fine_place(meta, block, *header))
        report_corrupted(index, block, kWrongFinePlace);

    bool owned[256] = {};
    uint32 groups = 0;
    for (uint32 i = 0; i < header->slice_count; i++) {
        const page::Slice &slice = page::slices(page)[i];
        if (slice.groups == 0 || !is_within(*header, slice) ||
            (slice.list >= meta.page.list_capacity && slice.list != page::kNoList))
            report_corrupted(index, block, "counts of a slice are out of range");
        for (uint32 group = 0; group < slice.groups; group++) {
            if (owned[slice.first_group + group])
                report_corrupted(index, block, "two slices have the same group");
            owned[slice.first_group + group] = true;
        }
        groups += slice.groups;
    }
    if (groups != header->groups_used)
        report_corrupted(index, block, "slices do not fill the groups in use");
}

bool
is_scan_block(const Meta &meta, BlockNumber block)
{
    const uint32 scan_end = meta.page.first_scan + meta.page.scan_pages;
    return block != InvalidBlockNumber && block >= meta.page.first_scan &&
           (block < scan_end || block >= scan_end + meta.page.fine_pages);
}

FinePlace
fine_place(const Meta &meta, BlockNumber scan_block)
{
    const uint32 scan_end = meta.page.first_scan + meta.page.scan_pages;
    if (scan_block >= scan_end)
        return {scan_block + 1, 0};
    const uint64 record = uint64{scan_block - meta.page.first_scan} * meta.rows_per_page();
    return {scan_end + static_cast<uint32>(record / meta.page.fine_per_page),
            static_cast<uint32>(record % meta.page.fine_per_page)};
}

} // namespace vx::ivfrabitq
