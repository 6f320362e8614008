// SPDX-License-Identifier: PostgreSQL
//
// Reading lists: the directory and the walk over a list's pages. Writing is in place.cpp.
#include "pg/postgres.hpp"

#include "index/ivf/lists.hpp"

namespace vx::ivf
{

void
check_row_block(Relation index, const Meta &meta, FileEnd *end, BlockNumber block,
                BlockNumber found_in)
{
    if (block < end->blocks && block >= meta.page.first_rows)
        return;
    end->blocks = RelationGetNumberOfBlocks(index); // the file may have grown
    if (block >= end->blocks || block < meta.page.first_rows)
        report_corrupted(index, found_in, "a link leads out of the row pages");
}

void
check_row_page(Relation index, const Meta &meta, Buffer buffer)
{
    Page page = BufferGetPage(buffer);
    const auto *rows = page::content<page::RowPage>(page);
    const BlockNumber block = BufferGetBlockNumber(buffer);
    if (!page::has_kind(page, page::Kind::rows))
        report_corrupted(index, block, "not a row page");
    if (rows->list >= meta.page.lists || rows->count > meta.page.row_capacity ||
        rows->dead > rows->count ||
        reinterpret_cast<PageHeader>(page)->pd_lower !=
            meta.page.rows_offset + rows->count * meta.page.row_bytes)
        report_corrupted(index, block, "counts of a row page are out of range");
}

void
check_row_page(Relation index, const Meta &meta, Buffer buffer, uint32 list)
{
    check_row_page(index, meta, buffer);
    if (page::content<page::RowPage>(BufferGetPage(buffer))->list != list)
        report_corrupted(index, BufferGetBlockNumber(buffer), "row page belongs to another list");
}

page::ListEntry *
find_entry(Relation index, const Meta &meta, Buffer directory, uint32 list)
{
    Page page = BufferGetPage(directory);
    const auto *header = page::content<page::DirectoryPage>(page);
    const uint32 first = list / meta.page.entries_per_page * meta.page.entries_per_page;
    if (!page::has_kind(page, page::Kind::directory) || header->first_list != first ||
        header->count != Min(meta.page.entries_per_page, meta.page.lists - first) ||
        reinterpret_cast<PageHeader>(page)->pd_lower !=
            page::kEntriesOffset + header->count * sizeof(page::ListEntry))
        report_corrupted(index, BufferGetBlockNumber(directory),
                         "not the directory page expected here");
    return reinterpret_cast<page::ListEntry *>(page + entry_offset(meta, list));
}

page::ListEntry
read_list_entry(Relation index, const Meta &meta, uint32 list)
{
    Buffer buffer = read_page(index, directory_block(meta, list));
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const page::ListEntry entry = *find_entry(index, meta, buffer, list);
    UnlockReleaseBuffer(buffer);
    return entry;
}

ListCursor::ListCursor(Relation index, const Meta &meta, FileEnd *end, uint32 list)
    : index_(index), meta_(&meta), end_(end)
{
    const page::ListEntry entry = read_list_entry(index, meta, list);
    const BlockNumber directory = directory_block(meta, list);
    if (entry.run_pages > 0) {
        if (entry.run_pages > MaxBlockNumber - entry.run_start)
            report_corrupted(index, directory, "a run of row pages is too long");
        check_row_block(index, meta, end, entry.run_start, directory);
        check_row_block(index, meta, end, entry.run_start + entry.run_pages - 1, directory);
    }
    run_next_ = entry.run_start;
    run_end_ = entry.run_start + entry.run_pages;
    chain_next_ = entry.chain_head;
    last_ = directory;
}

BlockNumber
ListCursor::next()
{
    if (run_next_ != run_end_)
        return last_ = run_next_++;

    in_chain_ = true;
    if (chain_next_ == InvalidBlockNumber)
        return InvalidBlockNumber;
    check_row_block(index_, *meta_, end_, chain_next_, last_);
    if (++chain_pages_ > end_->blocks)
        report_corrupted(index_, last_, "the pages of a list form a ring");
    return last_ = chain_next_;
}

BlockNumber
ListCursor::peek(uint32 ahead) const
{
    if (ahead < run_end_ - run_next_)
        return run_next_ + ahead;
    const bool is_chained = ahead == run_end_ - run_next_ && chain_next_ < end_->blocks;
    return is_chained ? chain_next_ : InvalidBlockNumber;
}

} // namespace vx::ivf
