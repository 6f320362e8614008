// SPDX-License-Identifier: PostgreSQL
//
// The scan of the table by parallel workers: each reads its share of the blocks, finds lists and
// codes, and sorts them; the leader, which does the same, merges. As PostgreSQL's own B-tree builds
// do it (nbtsort.c); what is shared lies in one dynamic segment until the index is written.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

PGDLLEXPORT void ivfrabitq_build_worker(dsm_segment *segment, shm_toc *toc);
}

#include "pg/entry.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::ivfrabitq
{

constexpr uint64 kKeyShared = 1;
constexpr uint64 kKeySort = 2;
constexpr uint64 kKeyMean = 3;
constexpr uint64 kKeyCentroids = 4;
constexpr uint64 kKeyListRows = 5;
constexpr uint64 kKeyTruths = 6;
constexpr uint64 kKeyQueryText = 7;
constexpr uint64 kKeyBufferUsage = 8;
constexpr uint64 kKeyWalUsage = 9;

constexpr Size kAlignment = 64;

/// Followed by the parallel scan of the table.
struct SharedBuild {
    Oid heap;
    Oid index;
    bool concurrent;
    int processes; // that were planned, the leader among them
    int kilobytes; // of memory, for each
    Meta meta;
    Size truth_bytes; // 0: no calibration
    pg_atomic_uint64 indexed;

    ConditionVariable done; // when a process has finished its part
    slock_t mutex;          // of what follows
    int finished;
    double heap_tuples;
};

static ParallelTableScanDesc
table_scan(SharedBuild *shared)
{
    return reinterpret_cast<ParallelTableScanDesc>(reinterpret_cast<char *>(shared) +
                                                   BUFFERALIGN(sizeof(SharedBuild)));
}

struct ParallelBuild {
    ParallelContext *context;
    Snapshot snapshot;
    SharedBuild *shared;
    Sharedsort *sort;
    float *mean;
    void *centroids;
    pg_atomic_uint32 *list_rows;
    char *truths;
    BufferUsage *buffer_usage;
    WalUsage *wal_usage;
};

/// Process `number`'s place for its truth; nullptr: no calibration.
static Truth *
truth_of(const SharedBuild *shared, char *truths, int number)
{
    if (shared->truth_bytes == 0)
        return nullptr;
    char *first = reinterpret_cast<char *>(TYPEALIGN(kAlignment, truths));
    return reinterpret_cast<Truth *>(first + static_cast<Size>(number) * shared->truth_bytes);
}

/// One process's part: scan, sort, add up.
static void
sort_part(SharedBuild *shared, SortPlan plan, Relation heap, IndexInfo *info, Sharedsort *sort,
          pg_atomic_uint32 *list_rows)
{
    SortCoordinateData coordinate = {true, -1, sort};
    plan.coordinate = &coordinate;
    plan.indexed = &shared->indexed;
    const uint32 lists = plan.centroids->lists;
    plan.list_rows = static_cast<uint32 *>(
        palloc_extended(lists * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));

    RowSorter sorter;
    begin_sorter(&sorter, &plan);
    TableScanDesc scan = table_beginscan_parallel(heap, table_scan(shared));
    const double seen = sort_table(&sorter, heap, info, scan);

    for (uint32 list = 0; list < lists; list++)
        if (plan.list_rows[list] > 0)
            pg_atomic_fetch_add_u32(&list_rows[list], plan.list_rows[list]);
    SpinLockAcquire(&shared->mutex);
    shared->finished++;
    shared->heap_tuples += seen;
    SpinLockRelease(&shared->mutex);
    ConditionVariableSignal(&shared->done);
    tuplesort_end(sorter.sort);
    pfree(plan.list_rows);
}

// ---- a worker

static void
work(dsm_segment *segment, shm_toc *toc)
{
    debug_query_string = static_cast<char *>(shm_toc_lookup(toc, kKeyQueryText, true));
    pgstat_report_activity(STATE_RUNNING, debug_query_string);

    auto *shared = static_cast<SharedBuild *>(shm_toc_lookup(toc, kKeyShared, false));
    const LOCKMODE heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
    const LOCKMODE index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
    Relation heap = table_open(shared->heap, heap_lock);
    Relation index = index_open(shared->index, index_lock);
    IndexInfo *info = BuildIndexInfo(index);
    info->ii_Concurrent = shared->concurrent;

    auto *sort = static_cast<Sharedsort *>(shm_toc_lookup(toc, kKeySort, false));
    tuplesort_attach_shared(sort, segment);
    Centroids centroids;
    place_centroids(&centroids, shared->meta.page.lists, shared->meta.page.list_capacity,
                    shared->meta.page.padded, shm_toc_lookup(toc, kKeyCentroids, false));
    const Meta meta = shared->meta;
    SortPlan plan = {};
    plan.index = index;
    plan.meta = &meta;
    plan.mean = static_cast<float *>(shm_toc_lookup(toc, kKeyMean, false));
    plan.centroids = &centroids;
    plan.kilobytes = shared->kilobytes;
    plan.truth = truth_of(
        shared, static_cast<char *>(shm_toc_lookup(toc, kKeyTruths, shared->truth_bytes == 0)),
        ParallelWorkerNumber);

    InstrStartParallelQuery();
    sort_part(shared, plan, heap, info, sort,
              static_cast<pg_atomic_uint32 *>(shm_toc_lookup(toc, kKeyListRows, false)));
    auto *buffer_usage = static_cast<BufferUsage *>(shm_toc_lookup(toc, kKeyBufferUsage, false));
    auto *wal_usage = static_cast<WalUsage *>(shm_toc_lookup(toc, kKeyWalUsage, false));
    VX_FAULT(ivfrabitq_build_worker);
    InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber], &wal_usage[ParallelWorkerNumber]);

    index_close(index, index_lock);
    table_close(heap, heap_lock);
}

// ---- the leader

/// Centroids have their place within memory by its alignment: copies are made part by part.
static void
copy_centroids(const Centroids &from, void *memory)
{
    Centroids to;
    place_centroids(&to, from.lists, from.capacity, from.padded, memory);
    const Size blocks = reinterpret_cast<const uint8 *>(from.scales) - from.blocks;
    memcpy(to.blocks, from.blocks, blocks);
    memcpy(to.scales, from.scales, from.lists * sizeof(float));
    memcpy(to.codes, from.codes, static_cast<Size>(from.lists) * from.padded);
}

static void *
allocate(ParallelContext *context, uint64 key, Size bytes)
{
    void *memory = shm_toc_allocate(context->toc, bytes);
    shm_toc_insert(context->toc, key, memory);
    return memory;
}

struct SharedSizes {
    Size shared;
    Size sort;
    Size mean;
    Size centroids;
    Size list_rows;
    Size truth;  // of one process
    Size truths; // 0: none
    Size query;  // 0: no text
    Size buffer_usage;
    Size wal_usage;
};

static SharedSizes
plan_sizes(const BuildState *build, Snapshot snapshot, int workers)
{
    const int processes = workers + 1;
    SharedSizes sizes = {};
    sizes.shared = add_size(BUFFERALIGN(sizeof(SharedBuild)),
                            table_parallelscan_estimate(build->heap, snapshot));
    sizes.sort = tuplesort_estimate_shared(processes);
    sizes.mean = build->padded() * sizeof(float);
    sizes.centroids = centroids_bytes(build->lists(), build->centres.capacity, build->padded());
    sizes.list_rows = build->lists() * sizeof(pg_atomic_uint32);
    if (build->query_count > 0) {
        sizes.truth = TYPEALIGN(kAlignment, build_truth_bytes(build));
        sizes.truths = add_size(mul_size(sizes.truth, static_cast<Size>(processes)), kAlignment);
    }
    sizes.query = debug_query_string != nullptr ? strlen(debug_query_string) + 1 : 0;
    sizes.buffer_usage = mul_size(sizeof(BufferUsage), static_cast<Size>(workers));
    sizes.wal_usage = mul_size(sizeof(WalUsage), static_cast<Size>(workers));
    return sizes;
}

static void
estimate(ParallelContext *context, const SharedSizes &sizes)
{
    const Size chunks[] = {sizes.shared,    sizes.sort,         sizes.mean,
                           sizes.centroids, sizes.list_rows,    sizes.truths,
                           sizes.query,     sizes.buffer_usage, sizes.wal_usage};
    for (const Size bytes : chunks)
        if (bytes > 0) {
            shm_toc_estimate_chunk(&context->estimator, bytes);
            shm_toc_estimate_keys(&context->estimator, 1);
        }
}

static void
share_build(const BuildState *build, ParallelBuild *parallel, const SharedSizes &sizes, int workers)
{
    ParallelContext *context = parallel->context;
    auto *shared = static_cast<SharedBuild *>(allocate(context, kKeyShared, sizes.shared));
    memset(shared, 0, sizeof(*shared));
    shared->heap = RelationGetRelid(build->heap);
    shared->index = RelationGetRelid(build->index);
    shared->concurrent = build->info->ii_Concurrent;
    shared->processes = workers + 1;
    shared->kilobytes = plan_sort(build, workers + 1).kilobytes;
    shared->meta = build->meta;
    shared->truth_bytes = sizes.truth;
    pg_atomic_init_u64(&shared->indexed, 0);
    ConditionVariableInit(&shared->done);
    SpinLockInit(&shared->mutex);
    table_parallelscan_initialize(build->heap, table_scan(shared), parallel->snapshot);
    parallel->shared = shared;

    parallel->sort = static_cast<Sharedsort *>(allocate(context, kKeySort, sizes.sort));
    tuplesort_initialize_shared(parallel->sort, workers + 1, context->seg);
    parallel->mean = static_cast<float *>(allocate(context, kKeyMean, sizes.mean));
    memcpy(parallel->mean, build->mean, sizes.mean);
    parallel->centroids = allocate(context, kKeyCentroids, sizes.centroids);
    copy_centroids(build->centres, parallel->centroids);
    parallel->list_rows =
        static_cast<pg_atomic_uint32 *>(allocate(context, kKeyListRows, sizes.list_rows));
    for (uint32 list = 0; list < build->lists(); list++)
        pg_atomic_init_u32(&parallel->list_rows[list], 0);

    if (sizes.truths > 0)
        parallel->truths = static_cast<char *>(allocate(context, kKeyTruths, sizes.truths));
    for (int i = 0; i <= workers && sizes.truths > 0; i++)
        begin_build_truth(build, truth_of(shared, parallel->truths, i));
    if (sizes.query > 0)
        memcpy(allocate(context, kKeyQueryText, sizes.query), debug_query_string, sizes.query);
    parallel->buffer_usage =
        static_cast<BufferUsage *>(allocate(context, kKeyBufferUsage, sizes.buffer_usage));
    parallel->wal_usage = static_cast<WalUsage *>(allocate(context, kKeyWalUsage, sizes.wal_usage));
}

static void
end_context(ParallelBuild *parallel)
{
    if (IsMVCCSnapshot(parallel->snapshot))
        UnregisterSnapshot(parallel->snapshot);
    DestroyParallelContext(parallel->context);
    ExitParallelMode();
}

/// Starts workers; nullptr if there are none to be had.
static ParallelBuild *
begin_parallel(BuildState *build)
{
    const int workers = build->threads - 1;
    auto *parallel = static_cast<ParallelBuild *>(palloc0(sizeof(ParallelBuild)));
    EnterParallelMode();
    parallel->context = CreateParallelContext("$libdir/vector", "ivfrabitq_build_worker", workers);
    parallel->snapshot =
        build->info->ii_Concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
    const SharedSizes sizes = plan_sizes(build, parallel->snapshot, workers);
    estimate(parallel->context, sizes);
    InitializeParallelDSM(parallel->context);
    if (parallel->context->seg == nullptr) {
        end_context(parallel);
        return nullptr;
    }
    share_build(build, parallel, sizes, workers);
    LaunchParallelWorkers(parallel->context);
    if (parallel->context->nworkers_launched == 0) {
        end_context(parallel);
        return nullptr;
    }
    return parallel;
}

/// Until all processes, the leader among them, have finished their parts.
static void
wait_for_parts(const ParallelBuild *parallel)
{
    SharedBuild *shared = parallel->shared;
    const int processes = parallel->context->nworkers_launched + 1;
    for (;;) {
        SpinLockAcquire(&shared->mutex);
        const bool finished = shared->finished == processes;
        SpinLockRelease(&shared->mutex);
        if (finished)
            break;
        ConditionVariableSleep(&shared->done, WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
    }
    ConditionVariableCancelSleep();
}

constexpr int kMergeShare = 4;
constexpr int kLeastMergeKilobytes = 256;

/// Brings together what the processes found.
static void
collect(BuildState *build, const ParallelBuild *parallel, int leader)
{
    SharedBuild *shared = parallel->shared;
    build->heap_tuples = shared->heap_tuples;
    build->meta.page.built_rows = pg_atomic_read_u64(&shared->indexed);
    build->list_rows =
        static_cast<uint32 *>(palloc_extended(build->lists() * sizeof(uint32), MCXT_ALLOC_HUGE));
    for (uint32 list = 0; list < build->lists(); list++)
        build->list_rows[list] = pg_atomic_read_u32(&parallel->list_rows[list]);
    build->truth = truth_of(shared, parallel->truths, leader);
    for (int i = 0; i < parallel->context->nworkers_launched && build->truth != nullptr; i++)
        merge_truth(build->truth, truth_of(shared, parallel->truths, i));
}

bool
sort_in_parallel(BuildState *build)
{
    ParallelBuild *parallel = begin_parallel(build);
    if (parallel == nullptr)
        return false;
    build->parallel = parallel;
    pfree(build->centres_memory);
    build->centres_memory = nullptr;
    place_centroids(&build->centres, build->lists(), build->centres.capacity, build->padded(),
                    parallel->centroids);

    const int leader = parallel->shared->processes - 1;
    SortPlan plan = plan_sort(build, parallel->shared->processes);
    plan.truth = truth_of(parallel->shared, parallel->truths, leader);
    plan.shows_progress = true;
    sort_part(parallel->shared, plan, build->heap, build->info, parallel->sort,
              parallel->list_rows);
    WaitForParallelWorkersToAttach(parallel->context);
    wait_for_parts(parallel);
    collect(build, parallel, leader);

    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseSort);
    SortCoordinateData coordinate = {false, parallel->context->nworkers_launched + 1,
                                     parallel->sort};
    // only to read what is sorted: more memory would not make it faster, and this process still has
    // much of what it sorted in
    const int kilobytes = plan_sort(build, 1).kilobytes / kMergeShare;
    build->sort = begin_row_sort(Max(kilobytes, kLeastMergeKilobytes), &coordinate);
    tuplesort_performsort(build->sort);
    return true;
}

void
end_parallel(BuildState *build)
{
    ParallelBuild *parallel = build->parallel;
    if (parallel == nullptr)
        return;
    WaitForParallelWorkersToFinish(parallel->context);
    for (int i = 0; i < parallel->context->nworkers_launched; i++)
        InstrAccumParallelQuery(&parallel->buffer_usage[i], &parallel->wal_usage[i]);
    end_context(parallel);
}

} // namespace vx::ivfrabitq

/// The workers' entry, found by name.
void
ivfrabitq_build_worker(dsm_segment *segment, shm_toc *toc)
{
    pg::entry([&] { vx::ivfrabitq::work(segment, toc); });
}
