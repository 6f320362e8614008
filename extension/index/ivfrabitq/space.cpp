// SPDX-License-Identifier: PostgreSQL
//
// Groups that no slice owns: the free space map knows pages that have some, and new extents.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/store.hpp"
#include "wal_hooks/fault.hpp"

extern "C" {
#include "storage/freespace.h"
#include "storage/lmgr.h"
}

namespace vx::ivfrabitq
{

uint32
free_groups(const Meta &meta, Page page)
{
    const auto *header = page::content<page::ScanPage>(page);
    uint32 groups = header->slice_count < meta.page.groups_per_page
                        ? meta.page.groups_per_page - header->groups_used
                        : 0;
    for (uint32 i = 0; i < header->slice_count; i++) {
        const page::Slice &slice = page::slices(page)[i];
        if (slice.list == page::kNoList && slice.groups > groups)
            groups = slice.groups;
    }
    return groups;
}

/// The map counts bytes, in steps of 32.
static Size
as_bytes(const Meta &meta, uint32 groups)
{
    constexpr uint32 kStep = BLCKSZ / 256;
    return Size{groups} * ((BLCKSZ - kStep * 8) / meta.page.groups_per_page / kStep * kStep);
}

void
record_free_groups(Relation index, const Meta &meta, BlockNumber block, uint32 groups)
{
    RecordPageWithFreeSpace(index, block, as_bytes(meta, groups));
}

BlockNumber
find_free_groups(Relation index, const Meta &meta, uint32 groups)
{
    const BlockNumber block = GetPageWithFreeSpace(index, as_bytes(meta, groups));
    if (block == InvalidBlockNumber ||
        (is_scan_block(meta, block) && block < RelationGetNumberOfBlocks(index)))
        return block;
    record_free_groups(index, meta, block, 0); // the map was wrong
    return InvalidBlockNumber;
}

void
log_extent_end(Relation index, Buffer last)
{
    LockBuffer(last, BUFFER_LOCK_EXCLUSIVE);
    wal::PageEdit edit(index);
    const StagedPage page = stage_page(&edit, last, true, page::Kind::fine);
    edit.set_lower(page.handle, page::kFineOffset);
    edit.apply();
    LockBuffer(last, BUFFER_LOCK_UNLOCK);
}

Buffer
extend_index(Relation index, const Meta &meta, Buffer *fine)
{
    const bool need_lock = !RELATION_IS_LOCAL(index);
    if (need_lock)
        LockRelationForExtension(index, ExclusiveLock);
    Buffer scan = ReadBuffer(index, P_NEW);
    LockBuffer(scan, BUFFER_LOCK_EXCLUSIVE);
    VX_FAULT(ivfrabitq_extent_begun);
    *fine = ReadBuffer(index, P_NEW);
    Buffer last = *fine;
    for (uint32 i = 1; i < meta.extent_fine_pages(); i++) {
        if (last != *fine)
            ReleaseBuffer(last);
        last = ReadBuffer(index, P_NEW);
    }
    if (need_lock)
        UnlockRelationForExtension(index, ExclusiveLock);
    VX_FAULT(ivfrabitq_extent_extended);
    log_extent_end(index, last);
    VX_FAULT(ivfrabitq_extent_logged);
    if (last != *fine)
        ReleaseBuffer(last);
    return scan;
}

} // namespace vx::ivfrabitq
