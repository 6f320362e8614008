// SPDX-License-Identifier: PostgreSQL
//
// Groups that no slice owns: the free space map knows pages that have some, and new extents.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/store.hpp"

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
    if (block == InvalidBlockNumber || !is_scan_block(meta, block) ||
        block >= RelationGetNumberOfBlocks(index))
        return InvalidBlockNumber;
    return block;
}

Buffer
extend_index(Relation index, const Meta &meta, Buffer *fine)
{
    const bool need_lock = !RELATION_IS_LOCAL(index);
    if (need_lock)
        LockRelationForExtension(index, ExclusiveLock);
    Buffer scan = ReadBuffer(index, P_NEW);
    LockBuffer(scan, BUFFER_LOCK_EXCLUSIVE);
    for (uint32 i = 0; i < meta.extent_fine_pages(); i++) {
        Buffer buffer = ReadBuffer(index, P_NEW);
        if (i == 0)
            *fine = buffer;
        else
            ReleaseBuffer(buffer);
    }
    if (need_lock)
        UnlockRelationForExtension(index, ExclusiveLock);
    return scan;
}

} // namespace vx::ivfrabitq
