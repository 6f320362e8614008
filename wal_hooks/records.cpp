// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/records.hpp"

#include "wal_hooks/resource_manager.hpp"

extern "C" {
#include "access/xlog_internal.h"
#include "access/xlogrecord.h"
}

namespace vx::wal
{

static const RecordType types[] = {
#define VX_RECORD(name, code, text, min_pages, max_pages, main_bytes)                              \
    {Record::name, text, min_pages, max_pages, main_bytes, redo_##name, describe_##name},
    VX_WAL_RECORDS(VX_RECORD)
#undef VX_RECORD
};

const RecordType *
find_record_type(uint8 info) noexcept
{
    for (const RecordType &type : types)
        if (static_cast<uint8>(type.record) == (info & XLR_RMGR_INFO_MASK))
            return &type;
    return nullptr;
}

bool
is_own_record(XLogReaderState *record) noexcept
{
    return XLogRecGetRmid(record) == kResourceManagerId &&
           (resource_manager_registered() || !RmgrIdExists(kResourceManagerId));
}

BlockDelta
block_delta(XLogReaderState *record, uint8 block) noexcept
{
    Size length = 0;
    const char *delta = XLogRecGetBlockData(record, block, &length);
    return {(XLogRecGetBlock(record, block)->flags & BKPBLOCK_WILL_INIT) != 0,
            XLogRecHasBlockImage(record, block) && XLogRecBlockImageApply(record, block), delta,
            delta != nullptr ? length : 0};
}

} // namespace vx::wal
