// SPDX-License-Identifier: PostgreSQL
//
// ivfrabitq_calibration(): what an index knows of its recall. ivfrabitq_calibrate(): finds it anew.
#include "pg/postgres.hpp"

extern "C" {
#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/objectaddress.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
}

#include "index/common/aligned.hpp"
#include "index/ivfrabitq/store.hpp"
#include "index/ivfrabitq/table_truth.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "wal_hooks/fault.hpp"
#include "wal_hooks/page_edit.hpp"

#include <cmath>

namespace vx::ivfrabitq
{

// ---- ivfrabitq_calibration

static void
put_entry(ReturnSetInfo *result, const page::Calibration &calibration,
          const page::CalibrationCurve &curve, const page::CalibrationEntry &entry)
{
    const bool fixed = calibration.rule == page::StopRule::fixed;
    Datum values[9];
    bool nulls[9] = {};
    values[0] = Int32GetDatum(static_cast<int32>(curve.neighbours));
    values[1] = Float8GetDatum(std::round(static_cast<double>(entry.recall) * 1e4) / 1e4);
    values[2] = CStringGetTextDatum(fixed ? "fixed" : "adaptive");
    values[3] = Float8GetDatum(static_cast<double>(entry.probes));
    values[4] = Float8GetDatum(static_cast<double>(entry.adaptive));
    values[5] = Float8GetDatum(static_cast<double>(calibration.exponent));
    nulls[4] = nulls[5] = fixed;
    values[6] = Float8GetDatum(static_cast<double>(entry.rows));
    values[7] = Int32GetDatum(static_cast<int32>(calibration.queries));
    values[8] = CStringGetTextDatum(calibration.from_table != 0 ? "table" : "rows");
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

VX_FUNCTION(ivfrabitq_calibration)
{
    const Oid index = PG_GETARG_OID(0);
    InitMaterializedSRF(fcinfo, 0);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    TableTruth *state = open_table_truth(index, AccessShareLock, AccessShareLock);
    const page::Calibration &calibration = state->meta.page.calibration;
    for (const page::CalibrationCurve &curve : calibration.curves)
        for (uint32 i = 0; calibration.queries > 0 && i < curve.count; i++)
            put_entry(result, calibration, curve, curve.entries[i]);
    close_table_truth(state);
    return Datum{0};
}

// ---- ivfrabitq_calibrate

/// Only those who may maintain the table: the result changes what every search costs.
static void
check_maintainer(Oid index)
{
    const Oid heap = IndexGetRelation(index, true);
    if (OidIsValid(heap) && !pg::may_vacuum(heap, GetUserId()))
        aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index));
}

static uint8 *
allocate_tiles(Size blocks, uint32 padded)
{
    return index::aligned_array<uint8>(
        CurrentMemoryContext, blocks * kernel::tiles_per_block(padded) * kernel::kTileBytes);
}

/// The tiles of all lists; those that were split stay empty.
static uint8 *
read_blocks(const TableTruth *state)
{
    const Meta &meta = state->meta;
    const Size blocks = kernel::centroid_blocks(meta.page.lists);
    uint8 *tiles = allocate_tiles(blocks, meta.page.padded);
    kernel::clear_centroids(tiles, blocks, meta.page.padded);
    auto *codes = static_cast<int8 *>(palloc(meta.page.padded));
    for (uint32 list = 0; list < meta.page.lists; list++) {
        CHECK_FOR_INTERRUPTS();
        get_meta(state->index); // what reading requires; an invalidation may have come
        if (!page::exists_in(get_directory(state->index, meta)[list], meta.page.structure_version))
            continue;
        kernel::CentroidFactors factors = {};
        read_centroid(state->index, meta, list, codes, &factors.scale);
        double square = 0;
        for (uint32 i = 0; i < meta.page.padded; i++)
            square += codes[i] * codes[i];
        factors.norm2 = static_cast<float>(square * static_cast<double>(factors.scale) *
                                           static_cast<double>(factors.scale));
        kernel::put_centroid(list, meta.page.padded, codes, factors,
                             [&](Size tile) { return tiles + tile * kernel::kTileBytes; });
    }
    return tiles;
}

/// The tiles of the blocks' centres; nullptr: there are none.
static uint8 *
read_centres(const TableTruth *state)
{
    const Meta &meta = state->meta;
    if (meta.page.block_centre_pages == 0)
        return nullptr;
    uint8 *centres = allocate_tiles(kernel::centroid_blocks(list_blocks(meta)), meta.page.padded);
    get_meta(state->index); // what reading requires
    read_block_centres(state->index, meta, centres);
    return centres;
}

static void
store_calibration(Relation index, const page::Calibration &calibration)
{
    Buffer buffer = lock_meta_page(index);
    wal::PageEdit edit(index);
    const wal::PageEdit::Handle page = edit.add(buffer);
    edit.write(page, page::kContentOffset + offsetof(page::MetaPage, calibration), &calibration,
               sizeof(calibration));
    edit.apply();
    VX_FAULT(ivfrabitq_calibrated);
    UnlockReleaseBuffer(buffer);
    forget_meta(index);
    CacheInvalidateRelcache(index); // others forget it too
}

VX_FUNCTION(ivfrabitq_calibrate)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    const Oid index = PG_GETARG_OID(0);
    const Oid queries = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
    const char *column = PG_ARGISNULL(2) ? nullptr : NameStr(*PG_GETARG_NAME(2));
    PreventCommandDuringRecovery("ivfrabitq_calibrate()");
    check_maintainer(index);

    // as VACUUM locks the table, which alone splits lists
    TableTruth *state = open_table_truth(index, ShareUpdateExclusiveLock, RowExclusiveLock);
    take_queries(state, queries, column,
                 OidIsValid(queries) ? kMostNamedQueries
                                     : calibration_queries(state->meta.page.padded));
    find_truth(state);
    auto *list_rows = static_cast<uint32 *>(
        palloc_extended(state->meta.page.lists * sizeof(uint32), MCXT_ALLOC_HUGE));
    find_lists(state, list_rows);
    page::Calibration calibration = calibrate(
        state->truth, {read_blocks(state), read_centres(state), state->meta.page.lists}, list_rows);
    if (calibration.queries == 0)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
                        errmsg("index \"%s\" has too few rows to calibrate it",
                               RelationGetRelationName(state->index))));
    calibration.from_table = state->from_table;
    store_calibration(state->index, calibration);
    close_table_truth(state);
    PG_RETURN_VOID();
}

} // namespace vx::ivfrabitq
