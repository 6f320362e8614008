// SPDX-License-Identifier: PostgreSQL
//
// Checks of what scan pages say, before it is used.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/lists.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace vx::ivfrabitq
{

constexpr auto kRows = static_cast<uint32>(kernel::kGroupRows);

/// Raises. What a scan on a standby finds may be no damage: the primary does not know the standby's
/// snapshots, so it may use a split list's place again before the scan has ended.
[[noreturn]] static void
report_slice(Relation index, const Meta &meta, Buffer buffer, const char *what)
{
    const BlockNumber block = BufferGetBlockNumber(buffer);
    LockBuffer(buffer, BUFFER_LOCK_UNLOCK); // replay takes the metapage first, then this one
    if (RecoveryInProgress() &&
        read_meta(index).page.structure_version != meta.page.structure_version)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("canceling statement due to conflict with recovery"),
                        errdetail("A list of index \"%s\" was split meanwhile.",
                                  RelationGetRelationName(index))));
    report_corrupted(index, block, what);
}

static bool
is_scan_page(const Meta &meta, Page page)
{
    const auto *header = page::content<page::ScanPage>(page);
    return page::has_kind(page, page::Kind::scan) &&
           header->slice_count <= meta.page.groups_per_page &&
           header->groups_used <= meta.page.groups_per_page &&
           header->fine_slot < meta.page.fine_per_page;
}

static bool
is_within(const page::ScanPage &header, const page::Slice &slice)
{
    return uint32{slice.first_group} + slice.groups <= header.groups_used &&
           slice.count <= slice.groups * kRows && slice.dead <= slice.count;
}

const page::Slice *
check_slice(Relation index, const Meta &meta, Buffer buffer, uint32 slice, uint32 list)
{
    Page page = BufferGetPage(buffer);
    const auto *header = page::content<page::ScanPage>(page);
    if (unlikely(!is_scan_page(meta, page)))
        report_slice(index, meta, buffer, "not a scan page");
    const page::Slice *found = page::slices(page) + slice;
    if (unlikely(slice >= header->slice_count || found->list != list))
        report_slice(index, meta, buffer, "slice belongs to another list");
    if (unlikely(!is_within(*header, *found)))
        report_corrupted(index, BufferGetBlockNumber(buffer), "counts of a slice are out of range");
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
    if (reinterpret_cast<PageHeader>(page)->pd_lower !=
        meta.page.groups_offset + header->groups_used * meta.page.group_bytes)
        report_corrupted(index, block, "end of a scan page is out of range");

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

bool
is_fine_block(const Meta &meta, BlockNumber scan_block, BlockNumber block)
{
    const uint32 scan_end = meta.page.first_scan + meta.page.scan_pages;
    if (scan_block < scan_end)
        return block >= scan_end && block < scan_end + meta.page.fine_pages;
    return block > scan_block && block <= scan_block + meta.extent_fine_pages();
}

} // namespace vx::ivfrabitq
