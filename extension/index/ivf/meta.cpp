// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivf/meta.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

#include "index/common/existing_block.hpp"
#include "index/common/index_cache.hpp"

namespace vx::ivf
{

page::MetaPage
plan_meta(const index::OperatorClass &operator_class, uint32 dimensions, uint32 lists)
{
    const page::RowLayout rows = page::row_layout(dimensions * sizeof(float));
    page::MetaPage meta;
    memset(&meta, 0, sizeof(meta));
    meta.magic = page::kMagic;
    meta.version = page::kVersion;
    meta.element = static_cast<uint16>(operator_class.element);
    meta.metric = static_cast<uint16>(operator_class.metric);
    meta.dimensions = dimensions;
    meta.lists = lists;
    meta.row_bytes = rows.row_bytes;
    meta.row_capacity = rows.capacity;
    meta.rows_offset = rows.offset;
    meta.centroids_per_page = page::centroids_per_page(dimensions);
    meta.first_centroids = 1;
    meta.centroid_pages = (lists + meta.centroids_per_page - 1) / meta.centroids_per_page;
    meta.entries_per_page = page::kEntriesPerPage;
    meta.first_directory = meta.first_centroids + meta.centroid_pages;
    meta.directory_pages = (lists + meta.entries_per_page - 1) / meta.entries_per_page;
    meta.first_rows = meta.first_directory + meta.directory_pages;
    strlcpy(meta.type_name, operator_class.type_name, sizeof(meta.type_name));
    return meta;
}

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
    if (meta.magic == page::kPgvectorMagic)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("index \"%s\" has the ivfflat format of pgvector", name),
                        errhint("Please REINDEX it.")));
    if (meta.magic != page::kMagic)
        ereport(ERROR,
                (errcode(ERRCODE_INDEX_CORRUPTED),
                 errmsg("index \"%s\" is not a valid ivfflat index", name),
                 errdetail("The magic number is %08X, expected %08X.", meta.magic, page::kMagic),
                 errhint("Please REINDEX it.")));
    if (meta.version != page::kVersion)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("index \"%s\" has ivfflat format version %u, this library reads version %u",
                        name, meta.version, page::kVersion),
                 errhint("Please REINDEX it.")));
}

/// Everything else follows from element, metric, dimensions and lists: derive it again and compare.
static void
check_shape(Relation index, const page::MetaPage &meta)
{
    const index::OperatorClass operator_class = index::get_operator_class(index);
    if (meta.element != static_cast<uint16>(operator_class.element) ||
        meta.metric != static_cast<uint16>(operator_class.metric))
        report_corrupted(index, 0, "element type or metric is not the operator class's");
    if (meta.dimensions < 1 || meta.dimensions > page::kMaxDimensions || meta.lists < 1 ||
        meta.lists > PG_INT16_MAX + 1)
        report_corrupted(index, 0, "dimensions or lists out of range");
    if (!index::has_dimensions(index, meta.dimensions))
        report_corrupted(index, 0, "dimensions are not the column's");
    const page::MetaPage expected = plan_meta(operator_class, meta.dimensions, meta.lists);
    if (memcmp(&expected, &meta, sizeof(meta)) != 0)
        report_corrupted(index, 0, "page layout does not follow from dimensions and lists");
    if (meta.first_rows > RelationGetNumberOfBlocks(index))
        report_corrupted(index, 0, "the file is too short");
}

static void
read_meta(Relation index, page::MetaPage *meta)
{
    index::check_index_block(index, 0);
    Buffer buffer = ReadBuffer(index, 0);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    // not has_kind(): the page may be of a foreign format, and the magic tells more
    memcpy(meta, page::content<page::MetaPage>(BufferGetPage(buffer)), sizeof(*meta));
    UnlockReleaseBuffer(buffer);
}

/// What rd_amcache points to.
struct MetaCache {
    index::IndexCache common;
    Meta meta;
};

Meta
get_meta(Relation index)
{
    if (index->rd_amcache == nullptr) {
        Meta meta;
        read_meta(index, &meta.page);
        check_format(index, meta.page);
        check_shape(index, meta.page);
        auto *cache = static_cast<MetaCache *>(index::make_index_cache(index, sizeof(MetaCache)));
        cache->meta = meta;
    }
    return static_cast<MetaCache *>(index->rd_amcache)->meta;
}

Buffer
read_page(Relation index, BlockNumber block)
{
    return index::read_cached_page(index, block);
}

void
forget_meta(Relation index)
{
    index::forget_index_cache(index);
}

} // namespace vx::ivf
