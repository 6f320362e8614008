// SPDX-License-Identifier: PostgreSQL
//
// The training sample: random blocks, and of their rows a reservoir, as ANALYZE does it (Vitter,
// "Random sampling with a reservoir", ACM TOMS 11(1), 1985, algorithm Z; in utils/sampling.h). The
// seed is fixed: equal tables give equal indexes.
#include "pg/postgres.hpp"

#include "index/ivf/build_state.hpp"

extern "C" {
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/sampling.h"
}

#include "index/common/build_library.hpp"
#include "index/common/rows.hpp"
#include "pg/entry.hpp"

#include <cmath>

namespace vx::ivf
{

// pgvector takes 50 rows per list. On 1,000,000 x 128 with 1,000 lists, 200 gave recall@10 of .61
// instead of .56 with 1 probe and .85 instead of .83 with 10; training is a small part of a build.
constexpr int64 kRowsPerList = 200;
constexpr int64 kMinSample = 10000;
constexpr int64 kFloorRowsPerList = 10; // a sample cut for memory keeps at least this
constexpr int64 kRowsPerBlock = 4;      // rows of one block resemble each other: use few
constexpr uint32 kSeed = 20240229;

Size
centroid_bytes(const BuildState *build)
{
    return mul_size(build->lists(), build->dimensions() * sizeof(float));
}

/// Everything that training holds at once.
static Size
training_bytes(const BuildState *build, int64 rows)
{
    const Size samples = mul_size(static_cast<Size>(rows), build->dimensions() * sizeof(float));
    const Size training = build_train_memory(rows, static_cast<int32>(build->dimensions()),
                                             static_cast<int32>(build->lists()), build->threads);
    return add_size(add_size(centroid_bytes(build), samples), training);
}

static Size
memory_limit()
{
    return static_cast<Size>(maintenance_work_mem) * 1024;
}

static void
check_memory(Size needed)
{
    if (needed > memory_limit())
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("memory required is %zu MB, maintenance_work_mem is %d MB",
                               needed / (1024 * 1024) + 1, maintenance_work_mem / 1024)));
}

/// The most rows up to `wanted`, but at least 1, that maintenance_work_mem allows to train on.
static int64
fit_sample(const BuildState *build, int64 wanted)
{
    int64 fits = 1; // known to fit, or the least
    int64 too_many = wanted + 1;
    while (too_many - fits > 1) {
        const int64 middle = fits + (too_many - fits) / 2;
        if (training_bytes(build, middle) <= memory_limit())
            fits = middle;
        else
            too_many = middle;
    }
    return fits;
}

/// After sampling: an error if memory, not the table, made the sample too small to be sound.
static void
check_sample(const BuildState *build, int64 wanted)
{
    if (build->sample_target == wanted || build->sample_count < build->sample_target)
        return; // not cut, or all rows are in it
    const int64 floor = Min(wanted, kFloorRowsPerList * build->lists());
    check_memory(training_bytes(build, floor));
    ereport(DEBUG1, (errmsg("training sample reduced from " INT64_FORMAT " to " INT64_FORMAT
                            " rows to fit maintenance_work_mem",
                            wanted, build->sample_count)));
}

struct SampleState {
    BuildState *build;
    ReservoirStateData reservoir;
    double rows_seen;
    double rows_to_skip; // before the next replacement; < 0: to be drawn
};

/// The slot in the sample that the row goes to; -1: it is not chosen.
static int64
choose_slot(SampleState *state)
{
    BuildState *build = state->build;
    if (build->sample_count < build->sample_target)
        return build->sample_count;
    const int target = static_cast<int>(build->sample_target);
    if (state->rows_to_skip < 0)
        state->rows_to_skip = reservoir_get_next_S(&state->reservoir, state->rows_seen, target);
    if (state->rows_to_skip-- > 0)
        return -1;
    return static_cast<int64>(target * sampler_random_fract(&state->reservoir.randstate));
}

VX_CALLBACK(void, sample_row,
            (Relation /* index */, ItemPointer /* tid */, Datum *values, bool *isnull,
             bool /* alive */, void *argument),
            (nullptr, nullptr, values, isnull, true, argument))
{
    auto *state = static_cast<SampleState *>(argument);
    BuildState *build = state->build;
    if (isnull[0])
        return;
    const int64 slot = choose_slot(state);
    if (slot >= 0) {
        MemoryContext previous = MemoryContextSwitchTo(build->scratch);
        // without direction: cannot be trained on; may leave the previous row of the slot, or none
        const bool usable =
            index::make_row(values[0], static_cast<int32>(build->dimensions()),
                            build->operator_class.normalize_training,
                            build->samples + slot * static_cast<int64>(build->dimensions()));
        MemoryContextSwitchTo(previous);
        MemoryContextReset(build->scratch);
        if (!usable)
            return;
        if (slot == build->sample_count)
            build->sample_count++;
    }
    state->rows_seen += 1;
}

/// As reservoir_init_selection_state(), but from our seed.
static void
seed_reservoir(ReservoirState reservoir, int64 target)
{
    sampler_random_init_state(kSeed, &reservoir->randstate);
    reservoir->W = std::exp(-std::log(sampler_random_fract(&reservoir->randstate)) /
                            static_cast<double>(target));
}

/// How many blocks to visit for the sample: a block gives kRowsPerBlock rows if it has them.
static int64
blocks_for_sample(const BuildState *build)
{
    const auto row_bytes = static_cast<int64>(build->meta.row_bytes);
    int64 rows = kRowsPerBlock;
    if (row_bytes < static_cast<int64>(TOAST_TUPLE_THRESHOLD)) // in line
        rows = Min(rows, BLCKSZ / (row_bytes + static_cast<int64>(sizeof(HeapTupleHeaderData))));
    return build->sample_target / rows + 1;
}

static void
scan_sample(BuildState *build)
{
    SampleState state = {build, {}, 0, -1};
    seed_reservoir(&state.reservoir, build->sample_target);

    const BlockNumber all = RelationGetNumberOfBlocks(build->heap);
    const int64 wanted = blocks_for_sample(build);
    if (wanted >= static_cast<int64>(all)) {
        table_index_build_range_scan(build->heap, build->index, build->info, false, false, false, 0,
                                     all, sample_row, &state, nullptr);
        return;
    }
    BlockSamplerData blocks;
    BlockSampler_Init(&blocks, all, static_cast<int>(wanted), kSeed);
    while (BlockSampler_HasMore(&blocks)) {
        CHECK_FOR_INTERRUPTS();
        table_index_build_range_scan(build->heap, build->index, build->info, false, false, false,
                                     BlockSampler_Next(&blocks), 1, sample_row, &state, nullptr);
    }
}

void
sample_rows(BuildState *build)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseTrain);
    check_memory(centroid_bytes(build));
    if (build->heap == nullptr)
        return;

    const int64 most =
        static_cast<int64>(RelationGetNumberOfBlocks(build->heap)) * MaxHeapTuplesPerPage;
    if (most > 0) {
        const int64 wanted = Min(Max(kRowsPerList * build->lists(), kMinSample), most);
        build->sample_target = fit_sample(build, wanted);
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
