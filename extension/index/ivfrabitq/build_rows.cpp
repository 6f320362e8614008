// SPDX-License-Identifier: PostgreSQL
//
// The scan of the table: every row to its list.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
}

#include "index/ivfrabitq/row_sorter.hpp"

namespace vx::ivfrabitq
{

constexpr Size kMinSortKilobytes = 1024;

/// What is left of maintenance_work_mem for sorting.
static int
sort_kilobytes(const BuildState *build)
{
    const Size held = centroids_bytes(build->lists(), build->padded()) +
                      build->lists() * sizeof(uint32) + sorter_bytes(build->meta);
    const Size used = held / 1024;
    const auto memory = static_cast<Size>(maintenance_work_mem);
    return static_cast<int>(memory > used + kMinSortKilobytes ? memory - used : kMinSortKilobytes);
}

void
sort_rows(BuildState *build)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseAssign);
    build->list_rows = static_cast<uint32 *>(
        palloc_extended(build->lists() * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    RowSorter sorter;
    begin_sorter(&sorter, build->index, &build->meta, build->mean, &build->centres,
                 build->list_rows, sort_kilobytes(build), nullptr);
    if (build->heap != nullptr)
        build->heap_tuples = sort_table(&sorter, build->heap, build->info, nullptr);
    else
        tuplesort_performsort(sorter.sort);
    build->index_tuples = static_cast<double>(sorter.indexed);
    build->meta.page.built_rows = static_cast<uint64>(sorter.indexed);
    build->sort = sorter.sort;
}

} // namespace vx::ivfrabitq
