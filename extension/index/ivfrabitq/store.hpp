// SPDX-License-Identifier: PostgreSQL
//
// The steps that changes of scan pages are made of; private to writers.
#pragma once

#include "index/ivfrabitq/lists.hpp"
#include "wal_hooks/page_edit.hpp"

namespace vx::ivfrabitq
{

constexpr auto kGroupRows = static_cast<uint32>(kernel::kGroupRows);

Buffer lock_page(Relation index, BlockNumber block, int mode);

/// The metapage, exclusively locked, to be changed.
Buffer lock_meta_page(Relation index);

inline bool
has_room(const page::Slice &slice)
{
    return slice.dead > 0 || slice.count < slice.groups * kGroupRows;
}

inline page::Slice *
slice_at(Buffer buffer, uint32 slice)
{
    return page::slices(BufferGetPage(buffer)) + slice;
}

inline uint16
slice_offset(uint32 slice)
{
    return static_cast<uint16>(page::kSlicesOffset + slice * sizeof(page::Slice));
}

/// A page of an edit and what is staged for its header so far.
struct StagedPage {
    wal::PageEdit::Handle handle;
    Page page;  // as it was
    bool fresh; // nothing of the old content counts
};

StagedPage stage_page(wal::PageEdit *edit, Buffer buffer, bool fresh, page::Kind kind);

/// The page's header, and pd_lower with it.
void stage_header(wal::PageEdit *edit, const StagedPage &page, const Meta &meta,
                  const page::ScanPage &header);

void stage_slice(wal::PageEdit *edit, const StagedPage &page, uint32 number,
                 const page::Slice &slice);

/// Of a slice only its counts of rows.
void stage_counts(wal::PageEdit *edit, const StagedPage &page, uint32 number,
                  const page::Slice &slice);

/// Empties groups that a slice is about to own.
void stage_empty_groups(wal::PageEdit *edit, const StagedPage &page, const Meta &meta, uint32 first,
                        uint32 count);

/// Where a row goes.
struct RowPlace {
    const page::ScanPage &header;
    uint32 slice_number;
    const page::Slice &slice; // with the row counted
    uint32 slot;              // within the page
};

/// The row, in its slot, in the slice's counts, and on the fine page, which it adds to the edit.
void stage_row(wal::PageEdit *edit, const StagedPage &page, Buffer fine, const Meta &meta,
               const RowPlace &place, RowCode *code);

/// The slot is free.
void stage_no_row(wal::PageEdit *edit, const StagedPage &page, const Meta &meta, uint32 slot);

/// The fine page of a slot, pinned and exclusively locked. REQUIRES: the scan page is locked, and
/// its header was checked.
Buffer lock_fine_page(Relation index, const Meta &meta, const page::ScanPage &header, uint32 slot);

/// Counts one more row in the slice: in its first free slot, or the one after the last in use.
/// Returns which, within the page. REQUIRES: has_room().
uint32 take_free_slot(Relation index, const Meta &meta, Buffer buffer, page::Slice *slice);

// ---- free groups in the free space map (space.cpp): a hint, looked at again under the lock

/// Groups that a new slice on this page could get at once: after the last slice, or those of one
/// that belongs to no list.
uint32 free_groups(const Meta &meta, Page page);

void record_free_groups(Relation index, const Meta &meta, BlockNumber block, uint32 groups);

/// InvalidBlockNumber: no page is known to have so many.
BlockNumber find_free_groups(Relation index, const Meta &meta, uint32 groups);

/// Logs the last page of an extent, empty. Replay then makes the file as long as it is here: else
/// another extent would get the same blocks on a standby that is promoted. REQUIRES: a pin.
void log_extent_end(Relation index, Buffer last);

/// A new extent: its scan page, locked, of zeroes; *fine: the first of its fine pages, pinned.
Buffer extend_index(Relation index, const Meta &meta, Buffer *fine);

} // namespace vx::ivfrabitq
