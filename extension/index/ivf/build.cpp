// SPDX-License-Identifier: PostgreSQL
//
// CREATE INDEX, REINDEX: what is checked before, and the order of the steps (build_state.hpp).
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "optimizer/optimizer.h"
#include "utils/memutils.h"
}

#include "index/ivf/build_state.hpp"
#include "index/ivf/callbacks.hpp"
#include "index/ivf/options.hpp"
#include "pg/entry.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::ivf
{

static uint32
column_dimensions(Relation index, const index::OperatorClass &operator_class)
{
    const uint32 dimensions = index::column_dimensions(index, page::kMaxDimensions, "ivfflat");
    if (operator_class.normalize_training && dimensions == 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions must be greater than one for this opclass")));
    return dimensions;
}

/// Threads of training and assignment. The planner's rule for parallel workers (table size,
/// parallel_workers, max_parallel_maintenance_workers, 32 MB of memory each) is the budget.
static int
count_threads(Relation heap, Relation index)
{
    if (heap == nullptr)
        return 1;
    const int workers = plan_create_index_workers(RelationGetRelid(heap), RelationGetRelid(index));
    if (workers > 0)
        ereport(DEBUG1, (errmsg("using %d parallel workers", workers),
                         errdetail("They are threads of the backend.")));
    return 1 + workers;
}

static BuildState *
begin_build(Relation heap, Relation index, IndexInfo *info)
{
    auto *build = static_cast<BuildState *>(palloc0(sizeof(BuildState)));
    build->heap = heap;
    build->index = index;
    build->info = info;
    build->operator_class = index::get_operator_class(index);
    build->meta = plan_meta(build->operator_class, column_dimensions(index, build->operator_class),
                            static_cast<uint32>(get_lists(index)));
    build->threads = count_threads(heap, index);
    build->scratch = AllocSetContextCreate(CurrentMemoryContext, "vector ivf: build, one row",
                                           ALLOCSET_DEFAULT_SIZES);
    return build;
}

static BuildState *
build_fork(Relation heap, Relation index, IndexInfo *info, ForkNumber fork)
{
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vector ivf: build", ALLOCSET_DEFAULT_SIZES);
    MemoryContext previous = MemoryContextSwitchTo(context);
    BuildState *build = begin_build(heap, index, info);
    sample_rows(build);
    VX_FAULT(ivfflat_build_sampled);
    train_centroids(build);
    VX_FAULT(ivfflat_build_trained);
    assign_rows(build);
    VX_FAULT(ivfflat_build_assigned);
    load_index(build, fork);
    VX_FAULT(ivfflat_build_loaded);
    MemoryContextSwitchTo(previous);
    return build;
}

VX_CALLBACK(IndexBuildResult *, ivf_build, (Relation heap, Relation index, IndexInfo *info),
            (heap, index, info))
{
    forget_meta(index); // TRUNCATE in the creating transaction builds in the same relation entry
    const BuildState *build = build_fork(heap, index, info, MAIN_FORKNUM);
    auto *result = static_cast<IndexBuildResult *>(palloc(sizeof(IndexBuildResult)));
    result->heap_tuples = build->heap_tuples;
    result->index_tuples = build->index_tuples;
    MemoryContextDelete(GetMemoryChunkContext(const_cast<BuildState *>(build)));
    return result;
}

VX_CALLBACK(void, ivf_build_empty, (Relation index), (index))
{
    BuildState *build = build_fork(nullptr, index, BuildIndexInfo(index), INIT_FORKNUM);
    MemoryContextDelete(GetMemoryChunkContext(build));
}

VX_CALLBACK(char *, ivf_build_phase_name, (int64 phase), (phase))
{
    switch (phase) {
    case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
        return pstrdup("initializing");
    case kPhaseTrain:
        return pstrdup("performing k-means");
    case kPhaseAssign:
        return pstrdup("assigning tuples");
    case kPhaseLoad:
        return pstrdup("loading tuples");
    default:
        return nullptr;
    }
}

void
install_build(IndexAmRoutine *routine)
{
    routine->ambuild = ivf_build;
    routine->ambuildempty = ivf_build_empty;
    routine->ambuildphasename = ivf_build_phase_name;
}

} // namespace vx::ivf
