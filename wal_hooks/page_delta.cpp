// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/page_delta.hpp"

extern "C" {
#include "access/xlogutils.h"
#include "storage/itemptr.h"
}

#include "wal_hooks/fault.hpp"

namespace vx::wal
{

bool
has_valid_header(Page page) noexcept
{
    const auto *header = reinterpret_cast<PageHeader>(page);
    return header->pd_lower >= SizeOfPageHeaderData && header->pd_lower <= header->pd_upper &&
           header->pd_upper <= header->pd_special && header->pd_special <= BLCKSZ;
}

/// For a planted bug.
static bool
is_misplaced(const Step &step) noexcept
{
    return is_planted(PlantedBug::wrong_redo_offset) && step.operation == Operation::bytes &&
           step.count == sizeof(ItemPointerData) && step.offset + 2 * step.count <= BLCKSZ;
}

static bool
run_steps(Page page, const void *delta, Size length) noexcept
{
    DeltaReader reader(delta, length, kPageBounds);
    Step step;
    while (reader.next(&step)) {
        if (is_misplaced(step) && InRecovery)
            step.offset += step.count;
        if (step.operation == Operation::initialise)
            PageInit(page, BLCKSZ, step.count);
        else
            apply_step(page, step);
    }
    return reader.error() == nullptr;
}

bool
apply_page_delta(Page page, const void *delta, Size length) noexcept
{
    auto *header = reinterpret_cast<PageHeader>(page);
    const uint16 old_lower = header->pd_lower;
    if (!run_steps(page, delta, length) || !has_valid_header(page))
        return false;

    // The hole stays zero: full-page images leave it out, so its content would not survive replay.
    if (header->pd_lower < old_lower && old_lower <= header->pd_upper)
        memset(page + header->pd_lower, 0, old_lower - header->pd_lower);
    return true;
}

} // namespace vx::wal
