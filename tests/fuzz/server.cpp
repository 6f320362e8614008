// SPDX-License-Identifier: PostgreSQL
//
// The functions of PostgreSQL that redo calls, in as few lines as redo can tell no difference by.
// What PostgreSQL requires of the caller, they check.
#include "pg/postgres.hpp"

#include "server.hpp"

extern "C" {
#include "access/bufmask.h"
#include "access/xlog_internal.h"
#include "access/xlogrecord.h"
#include "access/xlogutils.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

#include "wal_hooks/resource_manager.hpp"

#undef vsnprintf // PostgreSQL's own is not here
#include <cstdio>
#include <cstdlib>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at))
#endif

namespace vx::fuzz
{

constexpr int kPages = kMaxBlocks;

/// Page i is buffer 2 i + 2: before and after each there is a page that nobody may touch.
constexpr Buffer
buffer_of(int page)
{
    return 2 * page + 2;
}

struct Place {
    bool locked;
    bool dirty;
    XLogRedoAction action;
    char before[BLCKSZ];
};

static struct {
    Random *random;
    Place places[kPages];
    int error_level;
    char error[1024];
    char wrong[256]; // the first thing that redo did and must not do
    std::string description;
    sigjmp_buf caller;
} server;

static void
note_wrong(const char *what)
{
    if (server.wrong[0] == '\0')
        std::snprintf(server.wrong, sizeof(server.wrong), "%s", what);
}

static Page
page_of(int number)
{
    return BufferBlocks + static_cast<Size>(buffer_of(number) - 1) * BLCKSZ;
}

static void
make_page(Random *random, Page page)
{
    const uint32 kind = below(random, 8);
    for (Size at = 0; at < BLCKSZ; at += sizeof(uint64)) {
        const uint64 some = kind == 0 ? 0 : (*random)();
        memcpy(page + at, &some, sizeof(some));
    }
    if (kind <= 1)
        return; // zeroes, or no page at all
    auto *header = reinterpret_cast<PageHeader>(page);
    header->pd_special = BLCKSZ - 16;
    header->pd_upper = header->pd_special;
    header->pd_lower = static_cast<LocationIndex>(
        SizeOfPageHeaderData + below(random, BLCKSZ - 16 - SizeOfPageHeaderData + 1));
    PageSetPageSizeAndVersion(page, BLCKSZ, PG_PAGE_LAYOUT_VERSION);
}

static void
make_pages()
{
    for (int i = 0; i < kPages; i++) {
        Place &place = server.places[i];
        place.locked = place.dirty = false;
        place.action = BLK_NOTFOUND;
    }
}

static bool
is_unchanged(int number)
{
    return memcmp(server.places[number].before, page_of(number), BLCKSZ) == 0;
}

static void
check_page(int number, bool replayed)
{
    const Place &place = server.places[number];
    Page page = page_of(number);
    const auto *header = reinterpret_cast<PageHeader>(page);
    if (place.action == BLK_NOTFOUND)
        return;
    if (replayed && place.locked)
        note_wrong("a page is still locked after redo");
    if (!place.dirty) {
        // a page that could not be finished ends the server; it is not written
        if (!is_unchanged(number) && strstr(server.error, "leaves no valid page header") == nullptr)
            note_wrong("a page that is not marked dirty was changed");
        return;
    }
    if (place.action != BLK_NEEDS_REDO)
        note_wrong("a page that needs no redo was changed");
    if (header->pd_lower < SizeOfPageHeaderData || header->pd_lower > header->pd_upper ||
        header->pd_upper > header->pd_special || header->pd_special > BLCKSZ)
        note_wrong("a page without a valid header");
}

static void
check_pages(bool replayed)
{
    for (int i = 0; i < kPages; i++) {
        check_page(i, replayed);
        if (server.places[i].action != BLK_NOTFOUND)
            RmgrTable[VECTOR_WAL_RMGR_ID].rm_mask(page_of(i), static_cast<BlockNumber>(i));
    }
}

void
start_server()
{
    const Size bytes = (2 * static_cast<Size>(kPages) + 1) * BLCKSZ;
    BufferBlocks = static_cast<char *>(std::aligned_alloc(BLCKSZ, bytes));
    for (int i = 0; i <= kPages; i++)
        ASAN_POISON_MEMORY_REGION(BufferBlocks + 2 * static_cast<Size>(i) * BLCKSZ, BLCKSZ);
    process_shared_preload_libraries_in_progress = true;
    wal::register_resource_manager();
}

Verdict
replay(Random *random, Decoded *record)
{
    const RmgrData &manager = RmgrTable[VECTOR_WAL_RMGR_ID];
    server.random = random;
    server.error[0] = server.wrong[0] = '\0';
    server.error_level = 0;
    server.description.clear();
    make_pages();
    volatile bool replayed = false;
    if (sigsetjmp(server.caller, 0) == 0) {
        manager.rm_identify(XLogRecGetInfo(record->reader()));
        manager.rm_desc(nullptr, record->reader());
        manager.rm_redo(record->reader());
        replayed = true;
    }
    check_pages(replayed);
    if (!replayed && server.error_level != PANIC)
        note_wrong("an error that is no PANIC");
    if (!replayed && strncmp(server.error, "invalid vector/", 15) != 0)
        note_wrong("an error of unknown origin");
    if (server.wrong[0] != '\0')
        return {Outcome::wrong, std::string(server.wrong) + " (" + server.error + ")"};
    return {replayed ? Outcome::replayed : Outcome::refused, server.error};
}

} // namespace vx::fuzz

// ---- what PostgreSQL has under these names

using vx::fuzz::server;

extern "C" {

char *BufferBlocks;
Block *LocalBufferBlockPointers;
RmgrData RmgrTable[RM_MAX_ID + 1];
bool InRecovery = true;
bool process_shared_preload_libraries_in_progress;
volatile uint32 InterruptHoldoffCount;
volatile uint32 QueryCancelHoldoffCount;

void
RegisterCustomRmgr(RmgrId id, RmgrData *manager)
{
    RmgrTable[id] = *manager;
}

void
RmgrNotFound(RmgrId)
{
    std::abort();
}

// errors

bool
errstart(int level, const char *)
{
    server.error_level = level;
    return true;
}

bool
errstart_cold(int level, const char *domain)
{
    return errstart(level, domain);
}

int
errcode(int)
{
    return 0;
}

int
errmsg(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(server.error, sizeof(server.error), format, arguments);
    va_end(arguments);
    return 0;
}

int
errmsg_internal(const char *format, ...)
{
    std::snprintf(server.error, sizeof(server.error), "%s", format);
    return 0;
}

int
errhint(const char *, ...)
{
    return 0;
}

void
errfinish(const char *, int, const char *)
{
    siglongjmp(server.caller, 1);
}

void
pg_re_throw(void)
{
    siglongjmp(server.caller, 1);
}

int
pg_mbcliplen(const char *, int length, int)
{
    return length;
}

// text

void
appendStringInfo(StringInfo, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    server.description += text;
}

void
appendStringInfoString(StringInfo, const char *text)
{
    server.description += text;
}

// records

void
XLogRecGetBlockTag(XLogReaderState *record, uint8 id, RelFileNode *relation, ForkNumber *fork,
                   BlockNumber *block)
{
    if (!XLogRecHasBlockRef(record, id))
        vx::fuzz::note_wrong("asks where a block is that the record does not have");
    const DecodedBkpBlock *at = XLogRecGetBlock(record, id);
    if (relation != nullptr)
        *relation = at->rnode;
    if (fork != nullptr)
        vx::fuzz::note_wrong("reads a fork's number, which may be none");
    if (block != nullptr)
        *block = at->blkno;
}

char *
XLogRecGetBlockData(XLogReaderState *record, uint8 id, Size *length)
{
    const bool has_data = XLogRecHasBlockRef(record, id) && XLogRecGetBlock(record, id)->has_data;
    *length = has_data ? XLogRecGetBlock(record, id)->data_len : 0;
    return has_data ? XLogRecGetBlock(record, id)->data : nullptr;
}

/// Where PostgreSQL would raise, hang, or make a file of terabytes, it is redo that did wrong.
static void
check_request(XLogReaderState *record, uint8 id, ReadBufferMode mode)
{
    if (!XLogRecHasBlockRef(record, id))
        return vx::fuzz::note_wrong("reads a block that the record does not have");
    const DecodedBkpBlock *block = XLogRecGetBlock(record, id);
    const bool will_init = (block->flags & BKPBLOCK_WILL_INIT) != 0;
    if (will_init != (mode == RBM_ZERO_AND_LOCK))
        vx::fuzz::note_wrong("WILL_INIT and the mode of reading disagree");
    if ((block->flags & BKPBLOCK_FORK_MASK) != MAIN_FORKNUM || block->blkno > MaxBlockNumber)
        vx::fuzz::note_wrong("reads a block that no file has");
    for (int i = 0; i < id; i++)
        if (server.places[i].locked && XLogRecGetBlock(record, i)->blkno == block->blkno &&
            memcmp(&XLogRecGetBlock(record, i)->rnode, &block->rnode, sizeof(block->rnode)) == 0)
            vx::fuzz::note_wrong("waits for a lock that it has");
}

XLogRedoAction
XLogReadBufferForRedoExtended(XLogReaderState *record, uint8 id, ReadBufferMode mode, bool,
                              Buffer *buffer)
{
    check_request(record, id, mode);
    if (server.wrong[0] != '\0')
        siglongjmp(server.caller, 1);
    auto &place = server.places[id];
    Page page = vx::fuzz::page_of(id);
    vx::fuzz::make_page(server.random, page);
    if (XLogRecBlockImageApply(record, id))
        place.action = BLK_RESTORED;
    else if (mode == RBM_ZERO_AND_LOCK)
        place.action = BLK_NEEDS_REDO;
    else if (const uint32 other = vx::fuzz::below(server.random, 16); other <= BLK_NOTFOUND)
        place.action = static_cast<XLogRedoAction>(other);
    else
        place.action = BLK_NEEDS_REDO;
    if (place.action == BLK_NOTFOUND) {
        *buffer = InvalidBuffer;
        return place.action;
    }
    if (mode == RBM_ZERO_AND_LOCK)
        memset(page, 0, BLCKSZ);
    memcpy(place.before, page, BLCKSZ);
    place.locked = true;
    *buffer = vx::fuzz::buffer_of(id);
    return place.action;
}

// pages

static vx::fuzz::Place *
locked_place(Buffer buffer)
{
    vx::fuzz::Place *place = &server.places[(buffer - 2) / 2];
    if (!place->locked)
        vx::fuzz::note_wrong("uses a page that it has not locked");
    return place;
}

void
MarkBufferDirty(Buffer buffer)
{
    locked_place(buffer)->dirty = true;
}

void
UnlockReleaseBuffer(Buffer buffer)
{
    locked_place(buffer)->locked = false;
}

void
PageInit(Page page, Size bytes, Size special)
{
    auto *header = reinterpret_cast<PageHeader>(page);
    memset(page, 0, bytes);
    header->pd_lower = SizeOfPageHeaderData;
    header->pd_special = header->pd_upper = static_cast<LocationIndex>(bytes - MAXALIGN(special));
    PageSetPageSizeAndVersion(page, bytes, PG_PAGE_LAYOUT_VERSION);
}

void
mask_page_lsn_and_checksum(Page page)
{
    memset(page, 0, offsetof(PageHeaderData, pd_flags));
}

} // extern "C"
