// SPDX-License-Identifier: PostgreSQL
//
// index_wal(): what indexes wrote into the WAL between two positions, summed up by index and kind
// of record. index_wal_records(): the same record by record.
#include "pg/postgres.hpp"

#include "check/wal.hpp"

extern "C" {
#include "access/xlog_internal.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/pg_lsn.h"
}

#include "pg/entry.hpp"
#include "wal_hooks/resource_manager.hpp"

namespace vx::check
{

/// nullptr for a start that is NULL: no rows.
static WalRange *
open_arguments(FunctionCallInfo fcinfo)
{
    if (PG_ARGISNULL(0))
        return nullptr;
    return open_wal_range(PG_GETARG_LSN(0), PG_ARGISNULL(1) ? InvalidXLogRecPtr : PG_GETARG_LSN(1));
}

static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

// ---- index_wal

/// No padding: it is hashed as bytes.
struct SumKey {
    Oid tablespace;
    Oid file;
    uint32 kind; // resource manager and type
};

static_assert(sizeof(SumKey) == 12);

struct Sum {
    SumKey key;
    Oid index;
    const char *manager;
    const char *type;
    uint64 records;
    uint64 bytes;
    uint64 images;
    uint64 image_bytes;
};

static HTAB *
make_sums()
{
    HASHCTL control = {};
    control.keysize = sizeof(SumKey);
    control.entrysize = sizeof(Sum);
    control.hcxt = CurrentMemoryContext;
    return hash_create("index_wal: sums", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
add_record(HTAB *sums, const IndexRecord &record)
{
    const auto type = static_cast<uint8>(XLogRecGetInfo(record.reader) & ~XLR_INFO_MASK);
    const SumKey key = {record.file.tablespace, record.file.relation,
                        static_cast<uint32>(XLogRecGetRmid(record.reader)) << 8 | type};
    bool found;
    auto *sum = static_cast<Sum *>(hash_search(sums, &key, HASH_ENTER, &found));
    if (!found) {
        *sum = {};
        sum->key = key;
        sum->index = record.index;
        sum->manager = record.manager;
        sum->type = record.type;
    }
    sum->records++;
    sum->bytes += record.bytes;
    sum->images += record.images;
    sum->image_bytes += record.image_bytes;
}

static void
put_sums(FunctionCallInfo fcinfo, HTAB *sums)
{
    HASH_SEQ_STATUS all;
    hash_seq_init(&all, sums);
    while (auto *sum = static_cast<Sum *>(hash_seq_search(&all))) {
        Datum values[] = {ObjectIdGetDatum(sum->index),
                          ObjectIdGetDatum(sum->key.file),
                          CStringGetTextDatum(sum->manager),
                          CStringGetTextDatum(sum->type),
                          Int64GetDatum(static_cast<int64>(sum->records)),
                          Int64GetDatum(static_cast<int64>(sum->bytes)),
                          Int64GetDatum(static_cast<int64>(sum->images)),
                          Int64GetDatum(static_cast<int64>(sum->image_bytes))};
        bool nulls[lengthof(values)] = {!OidIsValid(sum->index)};
        put_row(fcinfo, values, nulls);
    }
}

// ---- index_wal_records

static Datum
block_array(XLogReaderState *reader)
{
    Datum blocks[XLR_MAX_BLOCK_ID + 1];
    int count = 0;
    for (int id = 0; id <= XLogRecMaxBlockId(reader); id++)
        if (XLogRecHasBlockRef(reader, id))
            blocks[count++] = Int64GetDatum(pg::record_block(reader, static_cast<uint8>(id)).block);
    return PointerGetDatum(
        construct_array(blocks, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
description(XLogReaderState *reader)
{
    StringInfoData text;
    initStringInfo(&text);
    if (wal::is_own_record(reader))
        wal::describe(&text, reader);
    else
        GetRmgr(XLogRecGetRmid(reader)).rm_desc(&text, reader);
    return CStringGetTextDatum(text.data);
}

static void
put_record(FunctionCallInfo fcinfo, const IndexRecord &record)
{
    const TransactionId xid = XLogRecGetXid(record.reader);
    Datum values[] = {LSNGetDatum(record.reader->ReadRecPtr),
                      TransactionIdGetDatum(xid),
                      ObjectIdGetDatum(record.index),
                      ObjectIdGetDatum(record.file.relation),
                      CStringGetTextDatum(record.manager),
                      CStringGetTextDatum(record.type),
                      block_array(record.reader),
                      Int64GetDatum(record.bytes),
                      Int64GetDatum(record.image_bytes),
                      description(record.reader)};
    bool nulls[lengthof(values)] = {};
    nulls[1] = !TransactionIdIsValid(xid);
    nulls[2] = !OidIsValid(record.index);
    put_row(fcinfo, values, nulls);
}

} // namespace vx::check

VX_FUNCTION(index_wal)
{
    using namespace vx::check;
    InitMaterializedSRF(fcinfo, 0);
    WalRange *range = open_arguments(fcinfo);
    if (range == nullptr)
        return Datum{0};
    HTAB *sums = make_sums();
    while (XLogReaderState *reader = next_wal_record(range)) {
        IndexRecord record;
        if (find_index_record(reader, &record))
            add_record(sums, record);
    }
    close_wal_range(range);
    put_sums(fcinfo, sums);
    return Datum{0};
}

VX_FUNCTION(index_wal_records)
{
    using namespace vx::check;
    InitMaterializedSRF(fcinfo, 0);
    WalRange *range = open_arguments(fcinfo);
    if (range == nullptr)
        return Datum{0};
    MemoryContext row =
        AllocSetContextCreate(CurrentMemoryContext, "index_wal: row", ALLOCSET_DEFAULT_SIZES);
    MemoryContext caller = MemoryContextSwitchTo(row);
    while (XLogReaderState *reader = next_wal_record(range)) {
        IndexRecord record;
        if (find_index_record(reader, &record))
            put_record(fcinfo, record);
        MemoryContextReset(row);
    }
    MemoryContextSwitchTo(caller);
    MemoryContextDelete(row);
    close_wal_range(range);
    return Datum{0};
}
