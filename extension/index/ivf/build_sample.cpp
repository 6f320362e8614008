// SPDX-License-Identifier: PostgreSQL
//
// The training sample: how large it is, and what is kept of a row.
#include "pg/postgres.hpp"

#include "index/ivf/build_state.hpp"

extern "C" {
#include "commands/progress.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
}

#include "index/common/build_library.hpp"
#include "index/common/rows.hpp"
#include "index/common/sample.hpp"

namespace vx::ivf
{

// pgvector takes 50 rows per list. On 1,000,000 x 128 with 1,000 lists, 200 gave recall@10 of .61
// instead of .56 with 1 probe and .85 instead of .83 with 10; training is a small part of a build.
constexpr int64 kRowsPerList = 200;
constexpr int64 kMinSample = 10000;
constexpr int64 kFloorRowsPerList = 10; // a sample cut for memory keeps at least this

Size
centroid_bytes(const BuildState *build)
{
    return mul_size(build->lists(), build->dimensions() * sizeof(float));
}

/// Everything that training holds at once.
static Size
training_bytes(const void *argument, int64 rows)
{
    const auto *build = static_cast<const BuildState *>(argument);
    const Size samples = mul_size(static_cast<Size>(rows), build->dimensions() * sizeof(float));
    const Size training = build_train_memory(rows, static_cast<int32>(build->dimensions()),
                                             static_cast<int32>(build->lists()), build->threads);
    return add_size(add_size(centroid_bytes(build), samples), training);
}

/// After sampling: an error if memory, not the table, made the sample too small to be sound.
static void
check_sample(const BuildState *build, int64 wanted)
{
    if (build->sample_target == wanted || build->sample_count < build->sample_target)
        return; // not cut, or all rows are in it
    const int64 floor = Min(wanted, kFloorRowsPerList * build->lists());
    index::check_build_memory(training_bytes(build, floor));
    ereport(DEBUG1, (errmsg("training sample reduced from " INT64_FORMAT " to " INT64_FORMAT
                            " rows to fit maintenance_work_mem",
                            wanted, build->sample_count)));
}

/// Without direction, a row cannot be trained on; it may leave the previous row of the slot, or
/// none.
static bool
store_row(void *argument, int64 slot, ItemPointer /* tid */, Datum value)
{
    auto *build = static_cast<BuildState *>(argument);
    return index::make_row(value, static_cast<int32>(build->dimensions()),
                           build->operator_class.normalize_training,
                           build->samples + slot * static_cast<int64>(build->dimensions()));
}

static void
scan_sample(BuildState *build)
{
    index::Sample sample = {};
    sample.heap = build->heap;
    sample.index = build->index;
    sample.info = build->info;
    sample.scratch = build->scratch;
    sample.row_bytes = build->meta.row_bytes;
    sample.target = build->sample_target;
    sample.store = store_row;
    sample.argument = build;
    index::draw_sample(&sample);
    build->sample_count = sample.count;
}

void
sample_rows(BuildState *build)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseTrain);
    index::check_build_memory(centroid_bytes(build));
    if (build->heap == nullptr)
        return;

    const int64 most = index::most_rows(build->heap);
    if (most > 0) {
        const int64 wanted = Min(Max(kRowsPerList * build->lists(), kMinSample), most);
        build->sample_target = index::fit_sample(wanted, training_bytes, build);
        build->samples = static_cast<float *>(palloc_extended(
            mul_size(static_cast<Size>(build->sample_target), build->dimensions() * sizeof(float)),
            MCXT_ALLOC_HUGE));
        scan_sample(build);
        check_sample(build, wanted);
    }
    if (build->sample_count < build->lists())
        ereport(NOTICE, (errmsg("ivfflat index created with little data"),
                         errdetail("This will cause low recall."),
                         errhint("Drop the index until the table has more data.")));
}

} // namespace vx::ivf
