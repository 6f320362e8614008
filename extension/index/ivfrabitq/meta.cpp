// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/meta.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

#include "index/common/existing_block.hpp"
#include "index/common/index_cache.hpp"
#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/options.hpp"

#include <cmath>

namespace vx::ivfrabitq
{

void
report_corrupted(Relation index, BlockNumber block, const char *what)
{
    ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                    errmsg("index \"%s\" is corrupted at block %u: %s",
                           RelationGetRelationName(index), block, what),
                    errhint("Please REINDEX it.")));
    pg_unreachable();
}

static void
check_format(Relation index, const page::MetaPage &meta)
{
    const char *name = RelationGetRelationName(index);
    if (meta.magic != page::kMagic)
        ereport(ERROR,
                (errcode(ERRCODE_INDEX_CORRUPTED),
                 errmsg("index \"%s\" is not a valid ivfrabitq index", name),
                 errdetail("The magic number is %08X, expected %08X.", meta.magic, page::kMagic),
                 errhint("Please REINDEX it.")));
    if (meta.version != page::kVersion)
        ereport(
            ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("index \"%s\" has ivfrabitq format version %u, this library reads version %u",
                    name, meta.version, page::kVersion),
             errhint("Please REINDEX it.")));
}

static bool
is_share(float value)
{
    return value >= 0 && value <= 1; // false for NaN
}

static bool
is_amount(float value)
{
    return value >= 0 && std::isfinite(value);
}

static bool
is_power_of_two(float value)
{
    int exponent;
    return std::isnormal(value) && std::frexp(value, &exponent) == 0.5f;
}

static bool
is_curve(const page::CalibrationCurve &curve, uint32 neighbours)
{
    if (curve.neighbours != neighbours || curve.count < 2 || curve.count > page::kMaxCalibration)
        return false;
    for (uint32 i = 0; i < curve.count; i++) {
        const page::CalibrationEntry &entry = curve.entries[i];
        if (!is_share(entry.recall) || !is_amount(entry.probes) || !is_amount(entry.adaptive) ||
            !is_amount(entry.rows) || (i > 0 && entry.recall < curve.entries[i - 1].recall))
            return false;
    }
    return true;
}

static bool
is_calibration(const page::Calibration &calibration)
{
    if (calibration.from_table > 1)
        return false;
    if (calibration.queries == 0)
        return true;
    if (calibration.rule != page::StopRule::fixed && calibration.rule != page::StopRule::adaptive)
        return false;
    if (calibration.lists == 0 || !is_share(calibration.exponent))
        return false;
    for (uint32 i = 0; i < page::kCalibrationCurves; i++)
        if (!is_curve(calibration.curves[i], page::kCalibrationNeighbours[i]))
            return false;
    return true;
}

/// No beam is narrower than that of fewer lists. More blocks than there are mean all.
static bool
are_beams(const page::MetaPage &meta)
{
    const uint32 *beams = meta.calibration.beams;
    const bool known = meta.calibration.queries > 0 && meta.block_centre_pages > 0;
    for (uint32 i = 0; i < page::kBeams; i++)
        if ((beams[i] > 0) != known || (i > 0 && beams[i] < beams[i - 1]))
            return false;
    return true;
}

/// What the build measured, and what changes afterwards.
static void
check_numbers(Relation index, const page::MetaPage &meta)
{
    if (!is_power_of_two(meta.scale) || !is_amount(meta.scan_kappa) ||
        !is_amount(meta.fine_kappa) || !is_amount(meta.spill_ratio))
        report_corrupted(index, 0, "scale or error bounds out of range");
    if (meta.lists < 1 || meta.lists > meta.list_capacity)
        report_corrupted(index, 0, "lists out of range");
    if (!is_calibration(meta.calibration) || !are_beams(meta))
        report_corrupted(index, 0, "calibration out of range");
}

/// Everything else follows from columns, dimensions, capacity and the number of scan pages: derive
/// it again and compare.
static void
check_shape(Relation index, const page::MetaPage &meta)
{
    const index::OperatorClass operator_class = index::get_operator_class(index);
    if (meta.element != static_cast<uint16>(operator_class.element) ||
        meta.metric != static_cast<uint16>(operator_class.metric))
        report_corrupted(index, 0, "element type or metric is not the operator class's");
    if (meta.dimensions < 1 || meta.dimensions > page::kMaxDimensions ||
        meta.list_capacity % kernel::kBlockCentroids != 0 || meta.list_capacity < 1 ||
        meta.list_capacity > plan_list_capacity(kMaxLists) || meta.scan_pages > MaxBlockNumber)
        report_corrupted(index, 0, "dimensions, lists or pages out of range");

    if (!index::has_dimensions(index, meta.dimensions))
        report_corrupted(index, 0, "dimensions are not the column's");
    const BlockNumber blocks = RelationGetNumberOfBlocks(index);
    if (meta.scan_pages > blocks || meta.fine_pages > blocks) // and then nothing below overflows
        report_corrupted(index, 0, "the file is too short");

    page::FilterKind kinds[page::kMaxFilterColumns];
    const uint32 filter_columns = filter_kinds(index, kinds);
    page::MetaPage expected = plan_meta(operator_class, meta.dimensions, kinds, filter_columns);
    plan_blocks(&expected, meta.list_capacity, meta.scan_pages);
    expected.scale = meta.scale;
    expected.scan_kappa = meta.scan_kappa;
    expected.fine_kappa = meta.fine_kappa;
    expected.spill_ratio = meta.spill_ratio;
    expected.rotation_seed = meta.rotation_seed;
    expected.built_rows = meta.built_rows;
    expected.lists = meta.lists;
    expected.structure_version = meta.structure_version;
    expected.calibration = meta.calibration;
    if (memcmp(&expected, &meta, sizeof(meta)) != 0)
        report_corrupted(index, 0, "page layout does not follow from columns and lists");

    if (meta.first_scan + meta.scan_pages + meta.fine_pages > blocks)
        report_corrupted(index, 0, "the file is too short");
}

static Meta
read_page_0(Relation index)
{
    Meta meta;
    Buffer buffer = ReadBuffer(index, 0);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    // not has_kind(): the page may be of a foreign format, and the magic tells more
    memcpy(&meta.page, page::content<page::MetaPage>(BufferGetPage(buffer)), sizeof(meta.page));
    UnlockReleaseBuffer(buffer);
    return meta;
}

/// What rd_amcache points to.
struct MetaCache {
    index::IndexCache common;
    Meta meta;
    float *mean; // nullptr: not read yet
    DirectoryCache directory;
};

static MetaCache *
cache_of(Relation index)
{
    return static_cast<MetaCache *>(index->rd_amcache);
}

Meta
get_meta(Relation index)
{
    if (index->rd_amcache == nullptr) {
        index::check_index_block(index, 0);
        const Meta meta = read_page_0(index);
        check_format(index, meta.page);
        check_shape(index, meta.page);
        check_numbers(index, meta.page);
        auto *cache = static_cast<MetaCache *>(index::make_index_cache(index, sizeof(MetaCache)));
        cache->meta = meta;
        cache->directory.context = cache->common.context;
    }
    return cache_of(index)->meta;
}

/// The part that may change is checked each time; the rest must be what was checked before.
Meta
read_meta(Relation index)
{
    const page::MetaPage known = get_meta(index).page;
    const Meta meta = read_page_0(index);
    if (memcmp(&known, &meta.page, offsetof(page::MetaPage, lists)) != 0)
        report_corrupted(index, 0, "the metapage changed");
    check_numbers(index, meta.page);
    if (index->rd_amcache != nullptr)
        cache_of(index)->meta = meta;
    return meta;
}

uint32
read_structure_version(Relation index)
{
    Buffer buffer = ReadBuffer(index, 0);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const uint32 version = page::content<page::MetaPage>(BufferGetPage(buffer))->structure_version;
    UnlockReleaseBuffer(buffer);
    return version;
}

void
forget_meta(Relation index)
{
    index::forget_index_cache(index);
}

Buffer
read_page(Relation index, BlockNumber block)
{
    return index::read_cached_page(index, block);
}

DirectoryCache *
directory_cache(Relation index)
{
    Assert(index->rd_amcache != nullptr);
    return &cache_of(index)->directory;
}

static float *
read_mean(Relation index, const Meta &meta, MemoryContext context)
{
    auto *mean =
        static_cast<float *>(MemoryContextAlloc(context, meta.page.padded * sizeof(float)));
    for (uint32 first = 0; first < meta.page.padded; first += page::kMeanPerPage) {
        const BlockNumber block = meta.page.first_mean + first / page::kMeanPerPage;
        const uint32 count = Min(page::kMeanPerPage, meta.page.padded - first);
        Buffer buffer = ReadBuffer(index, block);
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        if (!page::has_kind(BufferGetPage(buffer), page::Kind::mean))
            report_corrupted(index, block, "not a page of the mean");
        memcpy(mean + first, page::content<float>(BufferGetPage(buffer)), count * sizeof(float));
        UnlockReleaseBuffer(buffer);
    }
    for (uint32 i = 0; i < meta.page.padded; i++)
        if (!std::isfinite(mean[i]))
            report_corrupted(index, meta.page.first_mean, "the mean is not finite");
    return mean;
}

const float *
get_mean(Relation index, const Meta &meta)
{
    if (index->rd_amcache == nullptr)
        get_meta(index); // an invalidation came between
    MetaCache *cache = cache_of(index);
    if (cache->mean == nullptr)
        cache->mean = read_mean(index, meta, cache->common.context);
    return cache->mean;
}

} // namespace vx::ivfrabitq
