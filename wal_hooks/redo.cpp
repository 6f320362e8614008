// SPDX-License-Identifier: PostgreSQL
//
// Replay. A record is checked completely before the first page is touched: its type, its number of
// blocks, which pages they are, every step of every delta. What does not pass stops the server as
// any corrupt record does; nothing is read or written outside the record and the page.
#include "pg/postgres.hpp"

#include "wal_hooks/resource_manager.hpp"

extern "C" {
#include "access/xlogrecord.h"
#include "access/xlogutils.h"
#include "storage/bufmgr.h"
}

#include "wal_hooks/fault.hpp"
#include "wal_hooks/records.hpp"
#include "wal_hooks/row_steps.hpp"

namespace vx::wal
{

static const char *
type_name(XLogReaderState *record)
{
    const RecordType *type = find_record_type(XLogRecGetInfo(record));
    return type != nullptr ? type->name : "unknown";
}

// PostgreSQL adds a context line with the record's position and all its blocks.

[[noreturn]] static void
report_bad_record(XLogReaderState *record, const char *what)
{
    ereport(PANIC, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("invalid vector/%s record: %s", type_name(record), what)));
    pg_unreachable();
}

[[noreturn]] static void
report_bad_block(XLogReaderState *record, uint8 id, const char *what)
{
    const pg::RecordBlock at = pg::record_block(record, id);
    ereport(PANIC,
            (errcode(ERRCODE_DATA_CORRUPTED),
             errmsg("invalid vector/%s record: change of block %u of relation %u/%u/%u: %s",
                    type_name(record), at.block, at.tablespace, at.database, at.relation, what)));
    pg_unreachable();
}

static int
block_count(XLogReaderState *record)
{
    return XLogRecMaxBlockId(record) + 1;
}

static bool
is_same_page(const pg::RecordBlock &a, const pg::RecordBlock &b)
{
    return a.block == b.block && a.relation == b.relation && a.database == b.database &&
           a.tablespace == b.tablespace;
}

/// The page itself: redo would wait for ever for a lock that it has, and make a file as long as it
/// takes for the block to be in it.
static void
check_place(XLogReaderState *record, uint8 block)
{
    const pg::RecordBlock at = pg::record_block(record, block);
    // from the flags: they can hold what is no ForkNumber
    if ((XLogRecGetBlock(record, block)->flags & BKPBLOCK_FORK_MASK) != MAIN_FORKNUM)
        report_bad_block(record, block, "it is not in the main fork");
    if (at.block > MaxBlockNumber)
        report_bad_block(record, block, "no file has such a block");
    for (uint8 i = 0; i < block; i++)
        if (is_same_page(pg::record_block(record, i), at))
            report_bad_block(record, block, "the page is in the record twice");
}

static void
check_delta(XLogReaderState *record, uint8 block, const BlockDelta &delta)
{
    if (delta.length == 0)
        report_bad_block(record, block, "it is empty");
    if (const char *error = delta_error(delta.delta, delta.length, kPageBounds))
        report_bad_block(record, block, error);
    if (starts_with_initialise(delta.delta, delta.length) != delta.will_init)
        report_bad_block(record, block, "it and the block's flags disagree on an empty page");
}

static void
check_reference(XLogReaderState *record, uint8 block)
{
    if (!XLogRecHasBlockRef(record, block))
        report_bad_record(record, "a block reference is missing");
    check_place(record, block);
}

/// As on the primary: all pages are locked, in the order of the edit, before the first changes.
/// REQUIRES: everything is checked.
static void
replay(XLogReaderState *record, const BlockDelta *deltas, int count)
{
    VX_FAULT(redo_begun);
    Buffer buffers[kMaxPagesPerEdit];
    XLogRedoAction actions[kMaxPagesPerEdit];
    for (int i = 0; i < count; i++)
        actions[i] = XLogReadBufferForRedoExtended(
            record, static_cast<uint8>(i), deltas[i].will_init ? RBM_ZERO_AND_LOCK : RBM_NORMAL,
            false, &buffers[i]);
    VX_FAULT(redo_locked);
    for (int i = 0; i < count; i++) {
        if (actions[i] != BLK_NEEDS_REDO)
            continue;
        Page page = BufferGetPage(buffers[i]);
        if (!deltas[i].will_init && !has_valid_header(page)) // no fault of the record's
            report_bad_block(record, static_cast<uint8>(i),
                             "the page that it changes has no valid header");
        if (!apply_page_delta(page, deltas[i].delta, deltas[i].length))
            report_bad_block(record, static_cast<uint8>(i), "it leaves no valid page header");
        PageSetLSN(page, record->EndRecPtr);
        MarkBufferDirty(buffers[i]);
        VX_FAULT(redo_page_changed);
    }
    for (int i = 0; i < count; i++)
        if (BufferIsValid(buffers[i]))
            UnlockReleaseBuffer(buffers[i]);
    VX_FAULT(redo_done);
}

// ---- EDIT

static void
check_edit_block(XLogReaderState *record, uint8 block, const BlockDelta &delta)
{
    check_reference(record, block);
    if (!delta.image)
        check_delta(record, block, delta);
    else if (delta.will_init || delta.length > 0)
        report_bad_block(record, block, "there is a full-page image, too");
}

void
redo_edit(XLogReaderState *record)
{
    BlockDelta deltas[kMaxPagesPerEdit];
    const int blocks = block_count(record);
    for (int i = 0; i < blocks; i++) {
        const auto id = static_cast<uint8>(i);
        deltas[i] = block_delta(record, id);
        check_edit_block(record, id, deltas[i]);
    }
    replay(record, deltas, blocks);
}

// ---- ROW

static void
check_row_block(XLogReaderState *record, uint8 block, const BlockDelta &flags)
{
    check_reference(record, block);
    if (flags.length > 0)
        report_bad_block(record, block, "the row is not in the main data alone");
    if (flags.image && flags.will_init)
        report_bad_block(record, block, "there is a full-page image, too");
}

void
redo_row(XLogReaderState *record)
{
    LoggedRow logged;
    if (const char *error = read_row(XLogRecGetData(record), XLogRecGetDataLen(record), &logged))
        report_bad_record(record, error);
    RowDeltas steps;
    if (!expand_row(logged.row, &steps))
        report_bad_record(record, "its place is outside the page");

    BlockDelta deltas[2];
    for (uint8 i = 0; i < 2; i++) {
        deltas[i] = block_delta(record, i);
        check_row_block(record, i, deltas[i]);
        deltas[i].delta = steps.bytes[i];
        deltas[i].length = steps.length[i];
        if (!deltas[i].image)
            check_delta(record, i, deltas[i]);
    }
    replay(record, deltas, 2);
}

// ----

void
redo(XLogReaderState *record)
{
    const RecordType *type = find_record_type(XLogRecGetInfo(record));
    if (type == nullptr)
        report_bad_record(record, "no such type");
    if (block_count(record) < type->min_pages || block_count(record) > type->max_pages)
        report_bad_record(record, "wrong number of blocks");
    if (XLogRecGetDataLen(record) > type->max_main_bytes)
        report_bad_record(record, "wrong length of main data");
    type->redo(record);
}

} // namespace vx::wal
