// SPDX-License-Identifier: PostgreSQL
//
// The shape of an index: what follows from the column types, the dimensions and the number of
// lists. Builds write it, readers derive it again to check what they read.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/meta.hpp"
#include "kernel/rotation.hpp"

namespace vx::ivfrabitq
{

/// Any number would do; one for all makes equal tables give equal indexes.
constexpr uint64 kRotationSeed = 0x9e3779b97f4a7c15;

uint8
filter_width(page::FilterKind kind)
{
    switch (kind) {
    case page::FilterKind::boolean:
        return 1;
    case page::FilterKind::int2:
        return 2;
    case page::FilterKind::int4:
    case page::FilterKind::date:
        return 4;
    case page::FilterKind::int8:
    case page::FilterKind::timestamp:
    case page::FilterKind::text_hash:
        return 8;
    case page::FilterKind::uuid:
        return 16;
    }
    return 0; // no kind of this version
}

/// Places the filter columns in a group, behind the codes and factors.
static void
plan_filters(page::MetaPage *meta, const page::FilterKind *filters, uint32 filter_columns)
{
    uint8 widths[page::kMaxFilterColumns];
    for (uint32 i = 0; i < filter_columns; i++)
        widths[i] = filter_width(filters[i]);
    meta->filter_columns = filter_columns;
    for (uint32 i = 0; i < filter_columns; i++) {
        const page::FilterPlace place =
            page::filter_place(meta->scan_dimensions, filter_columns, widths, i);
        meta->filters[i] = {filters[i], widths[i], static_cast<uint16>(place.values),
                            static_cast<uint16>(place.nulls), 0};
    }
}

/// The widest scan code of which a group fits in a page beside the filter values.
static page::ScanLayout
plan_scan_layout(page::MetaPage *meta, uint32 filter_columns, uint32 filter_bytes)
{
    page::ScanLayout layout = {};
    const auto widest = static_cast<uint32>(kernel::kMaxScanDimensions);
    uint32 covered = Min(meta->padded, widest) + 64;
    while (layout.groups_per_page == 0 && covered > 64) {
        covered -= 64;
        layout = page::scan_layout(covered, filter_columns, filter_bytes);
    }
    if (layout.groups_per_page == 0)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("columns are too wide for an ivfrabitq index")));
    meta->scan_dimensions = covered;
    return layout;
}

page::MetaPage
plan_meta(const index::OperatorClass &operator_class, uint32 dimensions,
          const page::FilterKind *filters, uint32 filter_columns)
{
    page::MetaPage meta;
    memset(&meta, 0, sizeof(meta));
    meta.magic = page::kMagic;
    meta.version = page::kVersion;
    meta.element = static_cast<uint16>(operator_class.element);
    meta.metric = static_cast<uint16>(operator_class.metric);
    meta.dimensions = dimensions;
    meta.padded = static_cast<uint32>(kernel::padded_dimensions(dimensions));

    uint32 filter_bytes = 0;
    for (uint32 i = 0; i < filter_columns; i++)
        filter_bytes += filter_width(filters[i]);
    const page::ScanLayout layout = plan_scan_layout(&meta, filter_columns, filter_bytes);
    meta.groups_per_page = layout.groups_per_page;
    meta.group_bytes = layout.group_bytes;
    meta.groups_offset = layout.groups_offset;
    meta.tids_offset = layout.tids_offset;
    meta.fine_bytes = page::fine_bytes(meta.padded);
    meta.fine_per_page = page::fine_per_page(meta.padded);
    plan_filters(&meta, filters, filter_columns);

    meta.rotation_seed = kRotationSeed;
    strlcpy(meta.type_name, operator_class.type_name, sizeof(meta.type_name));
    return meta;
}

constexpr auto kBlock = static_cast<uint32>(kernel::kBlockCentroids);

bool
has_many_lists(uint32 lists)
{
    return lists >= kManyLists;
}

uint32
plan_blocks_in_use(uint32 lists)
{
    return has_many_lists(lists) ? (lists + kListsPerBlock - 1) / kListsPerBlock
                                 : (lists + kBlock - 1) / kBlock;
}

/// Room for splits: behind the lists, or, where these are many, in their blocks and some behind.
uint32
plan_list_capacity(uint32 lists)
{
    if (has_many_lists(lists))
        return (plan_blocks_in_use(lists) + lists / 16 / kBlock) * kBlock;
    return (lists + lists / 4 + 64 + kBlock - 1) / kBlock * kBlock;
}

/// Capacities of few lists and of many do not overlap.
bool
has_block_centres(uint32 list_capacity)
{
    return list_capacity > plan_list_capacity(kManyLists - 1);
}

static uint64
pages_for(uint64 things, uint32 per_page)
{
    return (things + per_page - 1) / per_page;
}

void
plan_blocks(page::MetaPage *meta, uint32 list_capacity, uint64 scan_pages)
{
    const uint64 tiles =
        list_capacity / kernel::kBlockCentroids * kernel::tiles_per_block(meta->padded);
    const uint64 centroid_pages = pages_for(tiles, page::kTilesPerPage);
    const uint64 centre_tiles = has_block_centres(list_capacity)
                                    ? kernel::centroid_blocks(list_capacity / kBlock) *
                                          kernel::tiles_per_block(meta->padded)
                                    : 0;
    const uint64 block_centre_pages = pages_for(centre_tiles, page::kTilesPerPage);
    const uint64 directory_pages = pages_for(list_capacity, page::kEntriesPerPage);
    const uint64 slots = scan_pages * meta->groups_per_page * kernel::kGroupRows;
    const uint64 fine_pages = pages_for(slots, meta->fine_per_page);
    const uint64 first_centroids = 1 + pages_for(meta->padded, page::kMeanPerPage);
    const uint64 first_directory = first_centroids + centroid_pages + block_centre_pages;
    const uint64 first_scan = first_directory + directory_pages;
    if (scan_pages > MaxBlockNumber || first_scan + scan_pages + fine_pages > MaxBlockNumber)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("ivfrabitq index would have more than %u blocks", MaxBlockNumber),
                        errhint("Partition the table.")));

    meta->list_capacity = list_capacity;
    meta->first_mean = 1;
    meta->first_centroids = static_cast<uint32>(first_centroids);
    meta->centroid_pages = static_cast<uint32>(centroid_pages);
    meta->first_block_centres = static_cast<uint32>(first_centroids + centroid_pages);
    meta->block_centre_pages = static_cast<uint32>(block_centre_pages);
    meta->first_directory = static_cast<uint32>(first_directory);
    meta->directory_pages = static_cast<uint32>(directory_pages);
    meta->first_scan = static_cast<uint32>(first_scan);
    meta->scan_pages = static_cast<uint32>(scan_pages);
    meta->fine_pages = static_cast<uint32>(fine_pages);
}

} // namespace vx::ivfrabitq
