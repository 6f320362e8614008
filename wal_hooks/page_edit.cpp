// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/page_edit.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
}

#include "wal_hooks/carrier.hpp"

namespace vx::wal
{

static_assert(kMaxPagesPerEdit <= MAX_GENERIC_XLOG_PAGES,
              "every edit must fit the carrier with the tightest limit");

constexpr uint32 kInitialFragmentBytes = 256;

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
    page.special_size = 0;
    page.length = 0;
    page.capacity = kInitialFragmentBytes;
    page.fragments = static_cast<char *>(palloc(page.capacity));
    return static_cast<Handle>(count_++);
}

void
PageEdit::initialise(Handle handle, uint16 special_size)
{
    Staged &page = staged(handle);
    Assert(page.length == 0 && special_size <= kMaxSpecialBytes);
    page.initialise = true;
    page.special_size = special_size;
}

void
PageEdit::write(Handle handle, uint16 offset, const void *bytes, uint16 length)
{
    Staged &page = staged(handle);
    if (offset < kFirstWritableByte || offset > BLCKSZ || length > BLCKSZ - offset)
        elog(ERROR, "page edit outside the page: %u bytes at %u", length, offset);

    const uint32 needed = page.length + kFragmentHeaderBytes + length;
    if (needed > page.capacity) {
        page.capacity = Max(needed, page.capacity * 2);
        page.fragments = static_cast<char *>(repalloc(page.fragments, page.capacity));
    }
    char *end = page.fragments + page.length;
    memcpy(end, &offset, sizeof(offset));
    memcpy(end + sizeof(offset), &length, sizeof(length));
    memcpy(end + kFragmentHeaderBytes, bytes, length);
    page.length = needed;
}

void
PageEdit::set_lower(Handle page, uint16 lower)
{
    static_assert(sizeof(LocationIndex) == sizeof(lower));
    write(page, offsetof(PageHeaderData, pd_lower), &lower, sizeof(lower));
}

void
PageEdit::apply()
{
    PageDelta deltas[kMaxPagesPerEdit];
    for (int i = 0; i < count_; i++) {
        const Staged &page = pages_[i];
        deltas[i] = {page.buffer, page.initialise, page.special_size, page.length, page.fragments};
    }

    if (RelationNeedsWAL(relation_))
        apply_with_generic_wal(relation_, deltas, count_);
    else
        apply_unlogged(deltas, count_);

    for (int i = 0; i < count_; i++)
        pfree(pages_[i].fragments);
    count_ = 0;
}

} // namespace vx::wal
