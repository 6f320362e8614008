// SPDX-License-Identifier: PostgreSQL
//
// vx_wal_test.so, in two roles:
//   - loaded later: vx_wal_emit() writes a record of vector's resource manager with any content,
//     without changing the page it names, vx_wal_emit_blocks() one that names any blocks; what redo
//     makes of it is the test's business; vx_wal_emit_row() a row's with any main data
//   - in shared_preload_libraries: takes the resource manager's number before vector can
#include "pg/postgres.hpp"

#include "pg/entry.hpp"

extern "C" {
#include "access/genam.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"

PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

VX_CALLBACK(void, ignore_record, (XLogReaderState *), (nullptr)) {}

void
_PG_init(void)
{
    if (!process_shared_preload_libraries_in_progress)
        return;
    static RmgrData other = {};
    other.rm_name = "other";
    other.rm_redo = ignore_record;
    RegisterCustomRmgr(VECTOR_WAL_RMGR_ID, &other);
}

/// (index, block, xl_info, will_init, delta, main data)
VX_FUNCTION(vx_wal_emit)
{
    Relation index = index_open(PG_GETARG_OID(0), RowExclusiveLock);
    Buffer buffer = ReadBuffer(index, static_cast<BlockNumber>(PG_GETARG_INT32(1)));
    bytea *delta = PG_GETARG_BYTEA_PP(4);
    bytea *main_data = PG_GETARG_BYTEA_PP(5);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);

    START_CRIT_SECTION();
    MarkBufferDirty(buffer);
    XLogBeginInsert();
    XLogRegisterBuffer(
        0, buffer, REGBUF_STANDARD | REGBUF_NO_IMAGE | (PG_GETARG_BOOL(3) ? REGBUF_WILL_INIT : 0));
    if (VARSIZE_ANY_EXHDR(delta) > 0)
        XLogRegisterBufData(0, VARDATA_ANY(delta), static_cast<int>(VARSIZE_ANY_EXHDR(delta)));
    if (VARSIZE_ANY_EXHDR(main_data) > 0)
        XLogRegisterData(VARDATA_ANY(main_data), static_cast<int>(VARSIZE_ANY_EXHDR(main_data)));
    const auto info = static_cast<uint8>(PG_GETARG_INT32(2));
    const XLogRecPtr end = XLogInsert(VECTOR_WAL_RMGR_ID, info);
    PageSetLSN(BufferGetPage(buffer), end);
    END_CRIT_SECTION();

    XLogFlush(end);
    UnlockReleaseBuffer(buffer);
    index_close(index, RowExclusiveLock);
    PG_RETURN_VOID();
}

/// (index, blocks, main data): a vector/ROW record for these blocks, whose pages it leaves as they
/// are.
VX_FUNCTION(vx_wal_emit_row)
{
    constexpr uint8 kRow = 0x10;
    Relation index = index_open(PG_GETARG_OID(0), RowExclusiveLock);
    ArrayType *blocks = PG_GETARG_ARRAYTYPE_P(1);
    bytea *main_data = PG_GETARG_BYTEA_PP(2);
    const auto *numbers = reinterpret_cast<const int32 *>(ARR_DATA_PTR(blocks));
    const int count = ArrayGetNItems(ARR_NDIM(blocks), ARR_DIMS(blocks));
    PGAlignedBlock page = {};

    START_CRIT_SECTION();
    XLogBeginInsert();
    XLogRegisterData(VARDATA_ANY(main_data), static_cast<int>(VARSIZE_ANY_EXHDR(main_data)));
    for (int i = 0; i < count; i++)
        XLogRegisterBlock(static_cast<uint8>(i), pg::relation_locator(index), MAIN_FORKNUM,
                          static_cast<BlockNumber>(numbers[i]), page.data,
                          REGBUF_STANDARD | REGBUF_NO_IMAGE);
    const XLogRecPtr end = XLogInsert(VECTOR_WAL_RMGR_ID, kRow);
    END_CRIT_SECTION();

    XLogFlush(end);
    index_close(index, RowExclusiveLock);
    PG_RETURN_VOID();
}

/// (index, fork, block, how often): a record that names the page so often, each time with a delta
/// that is valid.
VX_FUNCTION(vx_wal_emit_blocks)
{
    static char delta[] = {0x04, 0x18, 0x00}; // one byte at offset 24
    PGAlignedBlock page = {};
    Relation index = index_open(PG_GETARG_OID(0), RowExclusiveLock);
    const auto fork = static_cast<ForkNumber>(PG_GETARG_INT32(1));
    const auto block = static_cast<BlockNumber>(PG_GETARG_INT64(2));

    START_CRIT_SECTION();
    XLogBeginInsert();
    for (uint8 i = 0; i < PG_GETARG_INT32(3); i++) {
        XLogRegisterBlock(i, pg::relation_locator(index), fork, block, page.data,
                          REGBUF_STANDARD | REGBUF_NO_IMAGE);
        XLogRegisterBufData(i, delta, sizeof(delta));
    }
    if (PG_GETARG_INT32(3) == 0)
        XLogRegisterData(delta, 1); // PostgreSQL writes no record without any content
    const XLogRecPtr end = XLogInsert(VECTOR_WAL_RMGR_ID, 0);
    END_CRIT_SECTION();

    XLogFlush(end);
    index_close(index, RowExclusiveLock);
    PG_RETURN_VOID();
}
