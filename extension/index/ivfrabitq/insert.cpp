// SPDX-License-Identifier: PostgreSQL
//
// Insert: the nearest list takes the row; where rows are kept in two lists, its second one too.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"
}

#include "index/ivfrabitq/callbacks.hpp"
#include "index/ivfrabitq/insert_row.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

/// What the inserts of one statement share.
struct InsertState {
    MemoryContext scratch; // reset after each row
    RowInserter inserter;
};

static InsertState *
insert_state(Relation index, IndexInfo *info)
{
    if (info->ii_AmCache == nullptr) {
        MemoryContext previous = MemoryContextSwitchTo(info->ii_Context);
        auto *state = static_cast<InsertState *>(palloc0(sizeof(InsertState)));
        state->scratch =
            AllocSetContextCreate(info->ii_Context, "ivfrabitq insert", ALLOCSET_DEFAULT_SIZES);
        make_row_inserter(index, &state->inserter);
        MemoryContextSwitchTo(previous);
        info->ii_AmCache = state;
    }
    return static_cast<InsertState *>(info->ii_AmCache);
}

VX_CALLBACK(bool, ivfrabitq_insert,
            (Relation index, Datum *values, bool *isnull, ItemPointer heap_tid, Relation /* heap */,
             IndexUniqueCheck /* check_unique */, bool /* unchanged */, IndexInfo *info),
            (index, values, isnull, heap_tid, nullptr, UNIQUE_CHECK_NO, false, info))
{
    if (isnull[0])
        return false;

    InsertState *state = insert_state(index, info);
    MemoryContext previous = MemoryContextSwitchTo(state->scratch);
    insert_row(&state->inserter, values, isnull, heap_tid);
    MemoryContextSwitchTo(previous);
    MemoryContextReset(state->scratch);
    return false;
}

void
install_insert(IndexAmRoutine *routine)
{
    routine->aminsert = ivfrabitq_insert;
}

} // namespace vx::ivfrabitq
