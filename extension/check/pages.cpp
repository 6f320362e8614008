// SPDX-License-Identifier: PostgreSQL
//
// Pages are checked as copies: no lock is held while a check computes, reads the table or writes a
// row of its result.
#include "pg/postgres.hpp"

#include "check/check.hpp"

extern "C" {
#include "miscadmin.h"
}

#include "pg/attempt.hpp"

namespace vx::check
{

bool
is_damage(int sqlstate)
{
    return sqlstate == ERRCODE_INDEX_CORRUPTED || sqlstate == ERRCODE_DATA_CORRUPTED ||
           sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED || sqlstate == ERRCODE_IO_ERROR ||
           sqlstate == ERRCODE_UNDEFINED_FILE || sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

bool
attempt(Check *check, int64 block, const char *kind, void (*body)(void *argument), void *argument)
{
    pg::Failure failure;
    if (pg::attempt(body, argument, is_damage, &failure))
        return true;
    report(check, block, kNone, kind, "%s", failure.message);
    return false;
}

void
read_copy(Relation index, BufferAccessStrategy strategy, BlockNumber block, char *out)
{
    Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    memcpy(out, BufferGetPage(buffer), BLCKSZ);
    UnlockReleaseBuffer(buffer);
}

struct CopyArgument {
    const Check *check;
    BlockNumber block;
    char *out;
};

static void
copy_body(void *argument)
{
    const auto *copy = static_cast<const CopyArgument *>(argument);
    read_copy(copy->check->index, copy->check->strategy, copy->block, copy->out);
}

bool
copy_page(Check *check, BlockNumber block, char *out)
{
    CHECK_FOR_INTERRUPTS();
    CopyArgument argument = {check, block, out};
    return attempt(check, block, "unreadable", copy_body, &argument);
}

static bool
is_zero(const char *start, const char *end)
{
    for (const char *byte = start; byte < end; byte++)
        if (*byte != 0)
            return false;
    return true;
}

const char *
header_problem(const char *page, uint32 content_end)
{
    const auto *header = reinterpret_cast<const PageHeaderData *>(page);
    if (header->pd_upper == 0)
        return "the page is empty";
    if (header->pd_pagesize_version != (BLCKSZ | PG_PAGE_LAYOUT_VERSION))
        return "page size or layout version is not PostgreSQL's";
    if (header->pd_special != content_end || header->pd_upper != header->pd_special)
        return "the page does not end where it should";
    if (header->pd_lower < SizeOfPageHeaderData || header->pd_lower > header->pd_upper)
        return "the end of the page's content is out of range";
    if (header->pd_flags != 0)
        return "the page has flags";
    if (!is_zero(page + header->pd_lower, page + header->pd_upper))
        return "there is something behind the end of the page's content";
    return nullptr;
}

NumberSet
make_set(uint64 size)
{
    const Size words = size / 64 + 1;
    return {size, static_cast<uint64 *>(
                      palloc_extended(words * sizeof(uint64), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO))};
}

} // namespace vx::check
