// SPDX-License-Identifier: PostgreSQL
//
// Whose record it is. Records of our own kind say it themselves. Generic WAL and page images (of
// builds) may be anyone's: there the file decides, so those of an index that has been dropped or
// rewritten since cannot be told from others and are left out.
#include "pg/postgres.hpp"

#include "check/wal.hpp"

extern "C" {
#include "access/xlog_internal.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/syscache.h"
}

#include "check/target.hpp"
#include "wal_hooks/resource_manager.hpp"

namespace vx::check
{

static bool
is_index_of_ours(Oid relation)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        return false;
    const auto *row = reinterpret_cast<const FormData_pg_class *>(GETSTRUCT(tuple));
    Method method;
    const bool found = row->relkind == RELKIND_INDEX && find_method(row->relam, &method);
    ReleaseSysCache(tuple);
    return found;
}

/// Which index has the file now.
static Oid
find_index(const pg::RecordBlock &file)
{
    const Oid relation = pg::relation_of_file(file.tablespace, file.relation);
    return OidIsValid(relation) && is_index_of_ours(relation) ? relation : InvalidOid;
}

static int
first_block(XLogReaderState *reader)
{
    for (int id = 0; id <= XLogRecMaxBlockId(reader); id++)
        if (XLogRecHasBlockRef(reader, id))
            return id;
    return -1;
}

static void
name_record(IndexRecord *record, bool own)
{
    const uint8 info = XLogRecGetInfo(record->reader);
    if (own) { // known here, whether the server loaded the library or not
        record->manager = "vector";
        record->type = wal::identify(info);
    } else {
        const RmgrData manager = GetRmgr(XLogRecGetRmid(record->reader));
        record->manager = manager.rm_name;
        record->type = manager.rm_identify(info);
    }
    if (record->type == nullptr)
        record->type = psprintf("UNKNOWN (%X)", info & ~XLR_INFO_MASK);
}

static void
measure(IndexRecord *record)
{
    record->bytes = XLogRecGetTotalLen(record->reader);
    record->images = record->image_bytes = 0;
    for (int id = 0; id <= XLogRecMaxBlockId(record->reader); id++)
        if (XLogRecHasBlockRef(record->reader, id) && XLogRecHasBlockImage(record->reader, id)) {
            record->images++;
            record->image_bytes += XLogRecGetBlock(record->reader, id)->bimg_len;
        }
}

bool
find_index_record(XLogReaderState *reader, IndexRecord *record)
{
    const RmgrId manager = XLogRecGetRmid(reader);
    const bool own = wal::is_own_record(reader);
    if (!own && manager != RM_GENERIC_ID && manager != RM_XLOG_ID)
        return false;
    const int id = first_block(reader);
    if (id < 0)
        return false;
    record->reader = reader;
    record->file = pg::record_block(reader, static_cast<uint8>(id));
    if (record->file.database != MyDatabaseId)
        return false;
    record->index = find_index(record->file);
    if (!own && !OidIsValid(record->index))
        return false;
    name_record(record, own);
    measure(record);
    return true;
}

} // namespace vx::check
