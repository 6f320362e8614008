// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/describe.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace vx::check
{

Description *
open_description(const Target &target)
{
    auto *description = static_cast<Description *>(palloc0(sizeof(Description)));
    description->index = target.index;
    description->strategy = GetAccessStrategy(BAS_BULKREAD);
    description->page = static_cast<char *>(palloc(BLCKSZ));
    description->structure = description->rows_at_build = kNone;
    description->queries = description->lists_at_calibration = kNone;
    if (target.method == Method::ivfrabitq)
        describe_ivfrabitq(description);
    else
        describe_ivfflat(description);
    description->blocks = RelationGetNumberOfBlocks(target.index);
    return description;
}

void
describe_page(Description *description, BlockNumber block, PageFacts *out)
{
    CHECK_FOR_INTERRUPTS();
    read_copy(description->index, description->strategy, block, description->page);
    *out = {Use::unused, "unused", kNone, 0, {}};
    if (!PageIsNew(description->page))
        description->describe(description, block, out);
}

} // namespace vx::check
