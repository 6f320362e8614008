// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/sample.hpp"

extern "C" {
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/sampling.h"
}

#include "pg/entry.hpp"

#include <cmath>

namespace vx::index
{

constexpr int64 kRowsPerBlock = 4;        // rows of one block resemble each other: use few
constexpr BlockNumber kCountBlocks = 200; // to estimate the number of rows
constexpr uint32 kSeed = 20240229;

/// What a backend and a parallel worker take by themselves, a fifth of all at most.
static Size
own_memory()
{
    constexpr Size kOwnMemory = 12 * 1024 * 1024;
    return Min(static_cast<Size>(maintenance_work_mem) * 1024 / 5, kOwnMemory);
}

Size
build_memory()
{
    return static_cast<Size>(maintenance_work_mem) * 1024 - own_memory();
}

void
check_build_memory(Size needed)
{
    if (needed > build_memory())
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("memory required is %zu MB, maintenance_work_mem is %d MB",
                        (needed + own_memory()) / (1024 * 1024) + 1, maintenance_work_mem / 1024)));
}

int64
fit_sample(int64 wanted, Size (*training_bytes)(const void *argument, int64 rows),
           const void *argument)
{
    int64 fits = 1; // known to fit, or the least
    int64 too_many = wanted + 1;
    while (too_many - fits > 1) {
        const int64 middle = fits + (too_many - fits) / 2;
        if (training_bytes(argument, middle) <= build_memory())
            fits = middle;
        else
            too_many = middle;
    }
    return fits;
}

int64
most_rows(Relation heap)
{
    return static_cast<int64>(RelationGetNumberOfBlocks(heap)) * MaxHeapTuplesPerPage;
}

/// Calls back for the rows of `wanted` random blocks, or of all if there are no more. Neighbouring
/// ones are read by one scan, since beginning one costs as much as several blocks.
static void
scan_blocks(Relation heap, Relation index, IndexInfo *info, int64 wanted,
            IndexBuildCallback callback, void *state)
{
    const BlockNumber all = RelationGetNumberOfBlocks(heap);
    if (wanted >= static_cast<int64>(all)) {
        table_index_build_range_scan(heap, index, info, false, false, false, 0, all, callback,
                                     state, nullptr);
        return;
    }
    BlockSamplerData blocks;
    BlockSampler_Init(&blocks, all, static_cast<int>(wanted), kSeed);
    BlockNumber next = BlockSampler_Next(&blocks);
    while (next != InvalidBlockNumber) {
        CHECK_FOR_INTERRUPTS();
        const BlockNumber first = next;
        BlockNumber count = 0;
        do {
            count++;
            next = BlockSampler_HasMore(&blocks) ? BlockSampler_Next(&blocks) : InvalidBlockNumber;
        } while (next == first + count);
        table_index_build_range_scan(heap, index, info, false, false, false, first, count, callback,
                                     state, nullptr);
    }
}

// ---- how many rows

VX_CALLBACK(void, count_row,
            (Relation /* index */, ItemPointer /* tid */, Datum * /* values */, bool *isnull,
             bool /* alive */, void *argument),
            (nullptr, nullptr, nullptr, isnull, true, argument))
{
    if (!isnull[0])
        *static_cast<int64 *>(argument) += 1;
}

double
estimate_rows(Relation heap, Relation index, IndexInfo *info)
{
    const BlockNumber all = RelationGetNumberOfBlocks(heap);
    int64 rows = 0;
    scan_blocks(heap, index, info, kCountBlocks, count_row, &rows);
    return all <= kCountBlocks ? static_cast<double>(rows)
                               : static_cast<double>(rows) / kCountBlocks * all;
}

// ---- the sample

struct SampleState {
    Sample *sample;
    ReservoirStateData reservoir;
    double rows_seen;
    double rows_to_skip; // before the next replacement; < 0: to be drawn
};

/// The slot in the sample that the row goes to; -1: it is not chosen.
static int64
choose_slot(SampleState *state)
{
    const Sample *sample = state->sample;
    if (sample->count < sample->target)
        return sample->count;
    const int target = static_cast<int>(sample->target);
    if (state->rows_to_skip < 0)
        state->rows_to_skip = reservoir_get_next_S(&state->reservoir, state->rows_seen, target);
    if (state->rows_to_skip-- > 0)
        return -1;
    return static_cast<int64>(target * sampler_random_fract(&state->reservoir.randstate));
}

VX_CALLBACK(void, sample_row,
            (Relation /* index */, ItemPointer tid, Datum *values, bool *isnull, bool /* alive */,
             void *argument),
            (nullptr, tid, values, isnull, true, argument))
{
    auto *state = static_cast<SampleState *>(argument);
    Sample *sample = state->sample;
    if (isnull[0])
        return;
    const int64 slot = choose_slot(state);
    if (slot >= 0) {
        MemoryContext previous = MemoryContextSwitchTo(sample->scratch);
        const bool usable = sample->store(sample->argument, slot, tid, values[0]);
        MemoryContextSwitchTo(previous);
        MemoryContextReset(sample->scratch);
        if (!usable)
            return;
        if (slot == sample->count)
            sample->count++;
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
blocks_for_sample(const Sample *sample)
{
    const auto row_bytes = static_cast<int64>(sample->row_bytes);
    int64 rows = kRowsPerBlock;
    if (row_bytes < static_cast<int64>(TOAST_TUPLE_THRESHOLD)) // in line
        rows = Min(rows, BLCKSZ / (row_bytes + static_cast<int64>(sizeof(HeapTupleHeaderData))));
    return sample->target / rows + 1;
}

void
draw_sample(Sample *sample)
{
    SampleState state = {sample, {}, 0, -1};
    seed_reservoir(&state.reservoir, sample->target);
    scan_blocks(sample->heap, sample->index, sample->info, blocks_for_sample(sample), sample_row,
                &state);
}

} // namespace vx::index
