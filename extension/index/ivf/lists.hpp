// SPDX-License-Identifier: PostgreSQL
//
// Lists: where the row pages of a list are, and how a row finds a free slot in one of them. What a
// row's bytes mean is the caller's matter: ivfflat stores float32 vectors.
//
// A list's pages are the build's run of neighbouring blocks and then a chain of pages that inserts
// appended. Pages with free slots hang in the list's free chain, whose head is in the directory.
// Lock order and invariants: README.md, sections "Locks" and "Invariants".
#pragma once

#include "index/ivf/meta.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

namespace vx::ivf
{

/// The end of the file, looked up again only when a block number lies beyond it.
struct FileEnd {
    BlockNumber blocks = 0;
};

/// Raises unless the block, read from a page, is a row page's.
void check_row_block(Relation index, const Meta &meta, FileEnd *end, BlockNumber block,
                     BlockNumber found_in);

/// Raises unless the page is a well-formed row page (of that list).
void check_row_page(Relation index, const Meta &meta, Buffer buffer);
void check_row_page(Relation index, const Meta &meta, Buffer buffer, uint32 list);

page::ListEntry read_list_entry(Relation index, const Meta &meta, uint32 list);

/// Where a list's entry stands.
inline BlockNumber
directory_block(const Meta &meta, uint32 list)
{
    return meta.page.first_directory + list / meta.page.entries_per_page;
}

inline uint16
entry_offset(const Meta &meta, uint32 list)
{
    return static_cast<uint16>(page::kEntriesOffset +
                               list % meta.page.entries_per_page * sizeof(page::ListEntry));
}

/// The directory page's entry of the list, checked. The buffer is locked.
page::ListEntry *find_entry(Relation index, const Meta &meta, Buffer directory, uint32 list);

inline bool
has_room(const Meta &meta, const page::RowPage *rows)
{
    return rows->dead > 0 || rows->count < meta.page.row_capacity;
}

/// Walks the pages of a list in order. A page appended while the walk goes on may be missed or met;
/// rows that were there when it began are all met.
class ListCursor
{
  public:
    ListCursor(Relation index, const Meta &meta, FileEnd *end, uint32 list);

    /// The next block; InvalidBlockNumber at the end.
    BlockNumber next();

    /// Whether next() can be called before the page it returned last was read.
    bool next_is_known() const { return run_next_ != run_end_; }

    /// The block next() will return after `ahead` others, as far as it is known without reading. It
    /// exists; what else is wrong with it next() finds.
    BlockNumber peek(uint32 ahead) const;

    /// After the page that next() returned was read: its chain pointer.
    void saw_page(const page::RowPage *rows)
    {
        if (in_chain_)
            chain_next_ = rows->next;
    }

  private:
    Relation index_;
    const Meta *meta_;
    FileEnd *end_;
    BlockNumber run_next_;
    BlockNumber run_end_;
    BlockNumber chain_next_;
    BlockNumber last_ = InvalidBlockNumber;
    uint32 chain_pages_ = 0; // met so far, to notice a ring
    bool in_chain_ = false;
};

/// Stores a row (row_bytes of the metapage) in the list: one atomic edit, durable with the
/// transaction's WAL. Allocates in CurrentMemoryContext.
void place_row(Relation index, const Meta &meta, uint32 list, ItemPointer heap_tid,
               const void *row);

/// Hangs the page into its list's free chain if it has room and is not there yet.
void offer_free_page(Relation index, const Meta &meta, uint32 list, BlockNumber block);

} // namespace vx::ivf
