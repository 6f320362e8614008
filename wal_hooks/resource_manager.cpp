// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/resource_manager.hpp"

extern "C" {
#include "access/bufmask.h"
#include "access/xlog_internal.h"
#include "miscadmin.h"
}

#include "pg/entry.hpp"
#include "wal_hooks/records.hpp"

namespace vx::wal
{

static bool registered = false;

VX_CALLBACK(void, vector_redo, (XLogReaderState * record), (record))
{
    redo(record);
}

VX_CALLBACK(void, vector_desc, (StringInfo out, XLogReaderState *record), (out, record))
{
    describe(out, record);
}

VX_CALLBACK(const char *, vector_identify, (uint8 info), (info))
{
    return identify(info);
}

/// For wal_consistency_checking. All but LSN and checksum must be equal, the hole included: that it
/// is zero is a rule of ours.
VX_CALLBACK(void, vector_mask, (char *page, BlockNumber), (page, 0))
{
    mask_page_lsn_and_checksum(page);
}

static RmgrData
resource_manager()
{
    RmgrData data = {};
    data.rm_name = "vector"; // also what wal_consistency_checking calls it
    data.rm_redo = vector_redo;
    data.rm_desc = vector_desc;
    data.rm_identify = vector_identify;
    data.rm_mask = vector_mask;
    return data;
}

void
register_resource_manager()
{
    if (!process_shared_preload_libraries_in_progress)
        return;
    if (RmgrIdExists(kResourceManagerId))
        ereport(ERROR,
                (errcode(ERRCODE_DUPLICATE_OBJECT),
                 errmsg("WAL resource manager ID %d of \"vector\" is taken by \"%s\"",
                        kResourceManagerId, GetRmgr(kResourceManagerId).rm_name),
                 errhint("Remove one of the two libraries from \"shared_preload_libraries\", or "
                         "compile \"vector\" with another VECTOR_WAL_RMGR_ID.")));
    static RmgrData data = resource_manager(); // PostgreSQL keeps what it points to
    RegisterCustomRmgr(kResourceManagerId, &data);
    registered = true;
}

bool
resource_manager_registered() noexcept
{
    return registered;
}

} // namespace vx::wal
