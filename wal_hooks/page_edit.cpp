// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/page_edit.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "access/xloginsert.h"
#include "access/xlogrecord.h"
#include "storage/bufmgr.h"
}

#include "wal_hooks/carrier.hpp"
#include "wal_hooks/fault.hpp"
#include "wal_hooks/row_steps.hpp"

namespace vx::wal
{

static_assert(kMaxPagesPerEdit <= XLR_NORMAL_MAX_BLOCK_ID + 1,
              "more would need XLogEnsureRecordSpace() before the critical section");
static_assert(kMaxPagesPerEdit <= MAX_GENERIC_XLOG_PAGES, "Generic redo takes no more");

constexpr uint32 kInitialDeltaBytes = 1024;

[[noreturn]] static void
report_header(Relation relation, Buffer buffer)
{
    ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                    errmsg("index \"%s\" has no valid page header in block %u",
                           RelationGetRelationName(relation), BufferGetBlockNumber(buffer)),
                    errhint("Please REINDEX it.")));
    pg_unreachable();
}

PageEdit::Staged &
PageEdit::staged(Handle page)
{
    const int index = static_cast<int>(page);
    Assert(index >= 0 && index < count_);
    return pages_[index];
}

PageEdit::Handle
PageEdit::add(Buffer buffer)
{
    if (count_ == kMaxPagesPerEdit)
        elog(ERROR, "a page edit cannot have more than %d pages", kMaxPagesPerEdit);
    Assert(BufferIsValid(buffer));
    for (int i = 0; i < count_; i++)
        Assert(pages_[i].buffer != buffer);

    Staged &page = pages_[count_];
    page.buffer = buffer;
    page.initialise = false;
    page.upper = reinterpret_cast<PageHeader>(BufferGetPage(buffer))->pd_upper;
    page.length = 0;
    page.capacity = kInitialDeltaBytes;
    page.delta = static_cast<char *>(palloc(page.capacity));
    return static_cast<Handle>(count_++);
}

void
PageEdit::stage(Staged *page, const Step &step)
{
    const uint32 needed = page->length + static_cast<uint32>(kMaxHeadBytes + data_bytes(step));
    if (needed > page->capacity) {
        page->capacity = Max(needed, page->capacity * 2);
        page->delta = static_cast<char *>(repalloc(page->delta, page->capacity));
    }
    auto *end = reinterpret_cast<uint8 *>(page->delta) + page->length;
    page->length += static_cast<uint32>(write_step(step, end));
}

void
PageEdit::stage_other(Handle page, const Step &step)
{
    has_other_ = true;
    stage(&staged(page), step);
}

void
PageEdit::initialise(Handle handle, uint16 special_size)
{
    Staged &page = staged(handle);
    Assert(page.length == 0 && special_size <= kMaxSpecialBytes);
    page.initialise = true;
    page.upper = static_cast<uint16>(BLCKSZ - MAXALIGN(special_size));
    stage_other(handle, {Operation::initialise, special_size, 0, 0, nullptr});
}

static void
check_step(const Step &step, const PageBounds &bounds)
{
    if (!fits(step, bounds))
        elog(ERROR, "page edit outside the page: %u bytes or nibbles at %u", step.count,
             step.offset);
}

void
PageEdit::write(Handle handle, uint16 offset, const void *bytes, uint16 length)
{
    // Behind the header: what is in it is PostgreSQL's, or set_lower()'s.
    constexpr PageBounds content = {SizeOfPageHeaderData, BLCKSZ, 0};
    const Step step = {Operation::bytes, length, offset, 0, static_cast<const uint8 *>(bytes)};
    check_step(step, content);
    stage_other(handle, step);
}

void
PageEdit::set_lower(Handle handle, uint16 lower)
{
    static_assert(sizeof(LocationIndex) == sizeof(lower));
    Staged &page = staged(handle);
    if (lower < SizeOfPageHeaderData)
        elog(ERROR, "page edit sets pd_lower to %u, outside the page's content", lower);
    if (lower > page.upper) // which is never so in a page that is not damaged
        report_header(relation_, page.buffer);
    stage_other(handle, {Operation::bytes, sizeof(lower), offsetof(PageHeaderData, pd_lower), 0,
                         reinterpret_cast<const uint8 *>(&lower)});
}

void
PageEdit::store_row(Handle scan_handle, Handle fine_handle, const Row &row)
{
    Staged &scan_page = staged(scan_handle);
    Staged &fine_page = staged(fine_handle);
    Assert(!has_row_ && (!row.new_fine_page || fine_page.length == 0));
    fine_page.initialise = row.new_fine_page;
    if (row.raises_lower && !row.new_fine_page && fine_end(row) > fine_page.upper)
        report_header(relation_, fine_page.buffer); // as set_lower()
    const auto stage_in = [this](Staged *page) {
        return [this, page](const Step &step) {
            check_step(step, kPageBounds);
            stage(page, step);
        };
    };
    put_scan_page_steps(row, stage_in(&scan_page));
    put_fine_page_steps(row, stage_in(&fine_page));
    row_ = row;
    has_row_ = true;
}

void
PageEdit::apply()
{
    PageDelta deltas[kMaxPagesPerEdit];
    int changed = 0;
    for (int i = 0; i < count_; i++) {
        const Staged &page = pages_[i];
        if (page.length == 0)
            continue;
        // What steps start from must be a page: after this nothing can go wrong any more.
        if (!page.initialise && !has_valid_header(BufferGetPage(page.buffer)))
            report_header(relation_, page.buffer);
        deltas[changed++] = {page.buffer, page.initialise, page.length, page.delta};
    }
    if (changed > 0) {
        VX_FAULT(edit_begun);
        const bool row_alone = has_row_ && !has_other_;
        choose_carrier(relation_)(relation_, {deltas, changed, row_alone ? &row_ : nullptr});
        VX_FAULT(edit_applied);
    }

    for (int i = 0; i < count_; i++)
        pfree(pages_[i].delta);
    count_ = 0;
    has_row_ = has_other_ = false;
}

} // namespace vx::wal
