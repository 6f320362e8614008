// SPDX-License-Identifier: PostgreSQL
//
// index_pages(): a row for each page of an index.
#include "pg/postgres.hpp"

#include "check/describe.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/tuplestore.h"
}

#include "pg/entry.hpp"

#include <algorithm>

namespace vx::check
{

/// The lists that have slots on the page, each once.
static Datum
lists_of(const PageFacts &facts)
{
    uint32 lists[kMostShares];
    for (uint32 i = 0; i < facts.shares; i++)
        lists[i] = facts.share[i].list;
    std::sort(lists, lists + facts.shares);
    const auto count = std::unique(lists, lists + facts.shares) - lists;
    Datum values[kMostShares];
    for (int i = 0; i < count; i++)
        values[i] = Int64GetDatum(lists[i]);
    return PointerGetDatum(construct_array(values, static_cast<int>(count), INT8OID, sizeof(int64),
                                           FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
put_page(ReturnSetInfo *result, const Description &description, BlockNumber block,
         const PageFacts &facts)
{
    enum { kBlock, kKind, kLists, kItems, kFreeSlots, kFreeBytes, kLsn, kColumns };

    int64 rows = 0;
    int64 free_slots = 0;
    for (uint32 i = 0; i < facts.shares; i++) {
        rows += facts.share[i].rows;
        free_slots += facts.share[i].slots - facts.share[i].rows;
    }
    const bool has_rows = facts.use == Use::rows;
    const auto *header = reinterpret_cast<const PageHeaderData *>(description.page);
    Datum values[kColumns];
    bool nulls[kColumns] = {};
    values[kBlock] = Int64GetDatum(block);
    values[kKind] = CStringGetTextDatum(facts.kind);
    values[kLists] = has_rows ? lists_of(facts) : Datum{0};
    values[kItems] = Int64GetDatum(has_rows ? rows : facts.items);
    values[kFreeSlots] = Int64GetDatum(free_slots);
    values[kFreeBytes] = Int32GetDatum(
        PageIsNew(description.page) ? BLCKSZ : int32{header->pd_upper} - int32{header->pd_lower});
    values[kLsn] = LSNGetDatum(PageGetLSN(description.page));
    nulls[kLists] = nulls[kFreeSlots] = !has_rows;
    nulls[kItems] = !has_rows && facts.items == kNone;
    nulls[kFreeBytes] = facts.use == Use::damaged;
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_pages(ReturnSetInfo *result, const Target &target)
{
    Description *description = open_description(target);
    MemoryContext scratch =
        AllocSetContextCreate(CurrentMemoryContext, "index page", ALLOCSET_SMALL_SIZES);
    MemoryContext previous = MemoryContextSwitchTo(scratch);
    PageFacts facts;
    for (BlockNumber block = 0; block < description->blocks; block++) {
        describe_page(description, block, &facts);
        put_page(result, *description, block, facts);
        MemoryContextReset(scratch);
    }
    MemoryContextSwitchTo(previous);
    MemoryContextDelete(scratch);
}

} // namespace vx::check

VX_FUNCTION(index_pages)
{
    using namespace vx::check;
    InitMaterializedSRF(fcinfo, 0);
    Target target;
    if (!open_target(PG_GETARG_OID(0), &target))
        return Datum{0};
    put_pages(reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo), target);
    close_target(target);
    return Datum{0};
}
