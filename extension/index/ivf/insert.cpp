// SPDX-License-Identifier: PostgreSQL
//
// Insert: the nearest centroid's list takes the row. Centroids never move after the build.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"
}

#include "index/common/rows.hpp"
#include "index/ivf/callbacks.hpp"
#include "index/ivf/centroids.hpp"
#include "index/ivf/lists.hpp"
#include "pg/entry.hpp"

namespace vx::ivf
{

/// Scratch memory of all inserts of one statement, reset after each.
static MemoryContext
insert_context(IndexInfo *info)
{
    if (info->ii_AmCache == nullptr)
        info->ii_AmCache =
            AllocSetContextCreate(info->ii_Context, "vector ivf: insert", ALLOCSET_DEFAULT_SIZES);
    return static_cast<MemoryContext>(info->ii_AmCache);
}

VX_CALLBACK(bool, ivf_insert,
            (Relation index, Datum *values, bool *isnull, ItemPointer heap_tid, Relation /* heap */,
             IndexUniqueCheck /* check_unique */, bool /* unchanged */, IndexInfo *info),
            (index, values, isnull, heap_tid, nullptr, UNIQUE_CHECK_NO, false, info))
{
    if (isnull[0])
        return false;

    MemoryContext context = insert_context(info);
    MemoryContext previous = MemoryContextSwitchTo(context);

    const Meta meta = get_meta(index);
    auto *row = static_cast<float *>(palloc(meta.page.row_bytes));
    if (index::make_row(values[0], static_cast<int32>(meta.page.dimensions),
                        meta.metric() == index::Metric::cosine, row))
        place_row(index, meta, nearest_list(index, meta, row), heap_tid, row);

    MemoryContextSwitchTo(previous);
    MemoryContextReset(context);
    return false;
}

void
install_insert(IndexAmRoutine *routine)
{
    routine->aminsert = ivf_insert;
}

} // namespace vx::ivf
