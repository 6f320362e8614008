// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/wal.hpp"

extern "C" {
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "access/xlogutils.h"
#include "miscadmin.h"
}

#include "pg/entry.hpp"

namespace vx::check
{

struct WalRange {
    MemoryContext context;
    XLogReaderState *reader;
    ReadLocalXLogPageNoWaitPrivate position;
    XLogRecPtr end;
    bool empty;
};

/// A segment's file is open outside of PostgreSQL's care: an error must close it, too.
VX_CALLBACK(void, close_wal_segment, (void *argument), (argument))
{
    auto *range = static_cast<WalRange *>(argument);
    if (range->reader->seg.ws_file >= 0)
        wal_segment_close(range->reader);
}

static XLogRecPtr
end_of_wal()
{
    return RecoveryInProgress() ? GetXLogReplayRecPtr(nullptr) : GetFlushRecPtr(nullptr);
}

static const char *
lsn_text(XLogRecPtr position)
{
    return psprintf("%X/%X", static_cast<uint32>(position >> 32), static_cast<uint32>(position));
}

static void
refuse_future(XLogRecPtr position, XLogRecPtr written)
{
    if (position > written)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("WAL position %s is in the future", lsn_text(position)),
                        errdetail("The WAL is there up to %s.", lsn_text(written))));
}

static void
check_range(XLogRecPtr start, XLogRecPtr end, XLogRecPtr written)
{
    if (XLogRecPtrIsInvalid(start))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("WAL position 0/0 is not valid")));
    refuse_future(start, written);
    refuse_future(end, written);
    if (start > end)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("WAL range from %s to %s ends before it begins", lsn_text(start),
                               lsn_text(end))));
}

[[noreturn]] static void
report_unreadable(XLogRecPtr position, const char *why)
{
    ereport(ERROR,
            (errcode_for_file_access(), errmsg("could not read WAL at %s", lsn_text(position)),
             why != nullptr ? errdetail_internal("%s", why) : 0));
    pg_unreachable();
}

static WalRange *
make_range(MemoryContext context)
{
    auto *range = static_cast<WalRange *>(palloc0(sizeof(WalRange)));
    range->context = context;
    XLogReaderRoutine routine = {};
    routine.page_read = read_local_xlog_page_no_wait;
    routine.segment_open = wal_segment_open;
    routine.segment_close = wal_segment_close;
    range->reader = XLogReaderAllocate(wal_segment_size, nullptr, &routine, &range->position);
    if (range->reader == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    auto *callback = static_cast<MemoryContextCallback *>(palloc0(sizeof(MemoryContextCallback)));
    callback->func = close_wal_segment;
    callback->arg = range;
    MemoryContextRegisterResetCallback(context, callback);
    return range;
}

WalRange *
open_wal_range(XLogRecPtr start, XLogRecPtr end)
{
    const XLogRecPtr written = end_of_wal();
    if (XLogRecPtrIsInvalid(end))
        end = written;
    check_range(start, end, written);

    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "index_wal: reader", ALLOCSET_DEFAULT_SIZES);
    MemoryContext caller = MemoryContextSwitchTo(context);
    WalRange *range = make_range(context);
    range->end = end;
    // the first page of all is none for XLogFindNextRecord(), nor does any WAL begin there
    const XLogRecPtr first = Max(start, XLogRecPtr{XLOG_BLCKSZ});
    range->empty = start == end || XLogRecPtrIsInvalid(XLogFindNextRecord(range->reader, first));
    if (range->empty && start < end && !range->position.end_of_wal)
        report_unreadable(start, nullptr);
    MemoryContextSwitchTo(caller);
    return range;
}

XLogReaderState *
next_wal_record(WalRange *range)
{
    CHECK_FOR_INTERRUPTS();
    if (range->empty || range->reader->EndRecPtr >= range->end)
        return nullptr;
    MemoryContext caller = MemoryContextSwitchTo(range->context);
    char *why = nullptr;
    const XLogRecPtr before = range->reader->EndRecPtr;
    const bool found = XLogReadRecord(range->reader, &why) != nullptr;
    if (!found && !range->position.end_of_wal)
        report_unreadable(before, why);
    MemoryContextSwitchTo(caller);
    range->empty = !found || range->reader->EndRecPtr > range->end;
    return range->empty ? nullptr : range->reader;
}

void
close_wal_range(WalRange *range)
{
    MemoryContextDelete(range->context);
}

} // namespace vx::check
