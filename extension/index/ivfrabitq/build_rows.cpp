// SPDX-License-Identifier: PostgreSQL
//
// The scan of the table: every row to its list.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "commands/progress.h"
#include "utils/backend_progress.h"
}

#include "index/common/sample.hpp"
#include "index/ivfrabitq/page_images.hpp"

namespace vx::ivfrabitq
{

constexpr Size kLeastKilobytes = 256;

/// What is left of maintenance_work_mem for each process: the centroids are there once, counters
/// and calibration in each, and pages need memory when the rows are read again.
static int
kilobytes_each(const BuildState *build, int processes)
{
    const Size each =
        build->lists() * sizeof(uint32) + (build->query_count > 0 ? build_truth_bytes(build) : 0);
    const Size held =
        centroids_bytes(build->lists(), build->meta.page.list_capacity, build->padded()) +
        static_cast<Size>(processes) * each +
        build->lists() * (sizeof(PackedList) + sizeof(page::ListEntry)) +
        packing_window(build) * image_bytes(build->meta);
    const Size all = index::build_memory() / 1024;
    const Size left = all > held / 1024 ? (all - held / 1024) / static_cast<Size>(processes) : 0;
    return static_cast<int>(Max(left, kLeastKilobytes));
}

SortPlan
plan_sort(const BuildState *build, int processes)
{
    SortPlan plan = {};
    plan.index = build->index;
    plan.meta = &build->meta;
    plan.mean = build->mean;
    plan.centroids = &build->centres;
    plan.kilobytes = kilobytes_each(build, processes);
    return plan;
}

static void
sort_alone(BuildState *build)
{
    build->list_rows = static_cast<uint32 *>(
        palloc_extended(build->lists() * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    if (build->query_count > 0) {
        build->truth =
            static_cast<Truth *>(palloc_extended(build_truth_bytes(build), MCXT_ALLOC_HUGE));
        begin_build_truth(build, build->truth);
    }
    pg_atomic_uint64 indexed;
    pg_atomic_init_u64(&indexed, 0);
    SortPlan plan = plan_sort(build, 1);
    plan.list_rows = build->list_rows;
    plan.truth = build->truth;
    plan.indexed = &indexed;
    plan.shows_progress = true;
    RowSorter sorter;
    begin_sorter(&sorter, &plan);
    if (build->heap != nullptr)
        build->heap_tuples = sort_table(&sorter, build->heap, build->info, nullptr);
    else
        tuplesort_performsort(sorter.sort);
    build->sort = sorter.sort;
    build->meta.page.built_rows = pg_atomic_read_u64(&indexed);
}

void
sort_rows(BuildState *build)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseAssign);
    if (build->threads == 1 || !sort_in_parallel(build))
        sort_alone(build);
    build->index_tuples = static_cast<double>(build->meta.page.built_rows);
}

} // namespace vx::ivfrabitq
