// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/external_value.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

#include "pg/compat.hpp"

namespace vx::index
{

bool
is_external(Datum value)
{
    return VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value));
}

/// Copies the chunk to where it belongs. False: it is not the one after those before.
static bool
take_chunk(Relation toast, HeapTuple tuple, int32 number, char *out, int32 room, int32 *length)
{
    bool isnull;
    const Datum chunk_number = heap_getattr(tuple, 2, RelationGetDescr(toast), &isnull);
    if (isnull || DatumGetInt32(chunk_number) != number)
        return false;
    const Datum chunk = heap_getattr(tuple, 3, RelationGetDescr(toast), &isnull);
    auto *bytes = reinterpret_cast<varlena *>(DatumGetPointer(chunk));
    if (isnull || (VARATT_IS_EXTENDED(bytes) && !VARATT_IS_SHORT(bytes)))
        return false;
    *length = static_cast<int32>(VARSIZE_ANY_EXHDR(bytes));
    if (*length > room)
        return false;
    memcpy(out, VARDATA_ANY(bytes), static_cast<Size>(*length));
    return true;
}

/// All chunks of the value into out.
static bool
take_chunks(Relation toast, Relation index, Oid value, char *out, int32 size)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
    SnapshotData space;
    SysScanDesc scan =
        systable_beginscan_ordered(toast, index, pg::toast_snapshot(&space), 1, &key);
    int32 taken = 0;
    bool complete = true;
    for (int32 number = 0; complete; number++) {
        HeapTuple tuple = systable_getnext_ordered(scan, ForwardScanDirection);
        if (tuple == nullptr)
            break;
        int32 length = 0;
        complete = take_chunk(toast, tuple, number, out + taken, size - taken, &length);
        taken += length;
    }
    systable_endscan_ordered(scan);
    return complete && taken == size;
}

bool
fetch_external(Datum value, Datum *out)
{
    varatt_external place;
    VARATT_EXTERNAL_GET_POINTER(place, reinterpret_cast<varlena *>(DatumGetPointer(value)));
    const auto size = static_cast<int32>(VARATT_EXTERNAL_GET_EXTSIZE(place));
    auto *copy = static_cast<varlena *>(palloc(static_cast<Size>(size) + VARHDRSZ));
    if (VARATT_EXTERNAL_IS_COMPRESSED(place))
        SET_VARSIZE_COMPRESSED(copy, size + VARHDRSZ);
    else
        SET_VARSIZE(copy, size + VARHDRSZ);

    Relation toast = table_open(place.va_toastrelid, AccessShareLock);
    Relation *indexes;
    int count;
    const int valid = toast_open_indexes(toast, AccessShareLock, &indexes, &count);
    const bool found = take_chunks(toast, indexes[valid], place.va_valueid, VARDATA(copy), size);
    toast_close_indexes(indexes, count, AccessShareLock);
    table_close(toast, AccessShareLock);
    *out = PointerGetDatum(copy);
    return found;
}

} // namespace vx::index
