// SPDX-License-Identifier: PostgreSQL
//
// Loading: every block number is known, so the file is written once, in two streams: metapage to
// scan pages, and beside them the fine pages, whose records follow the slots of the scan pages.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
}

#include "index/ivfrabitq/page_images.hpp"
#include "wal_hooks/bulk_write.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::ivfrabitq
{

static void
set_lower(Page page, Size lower)
{
    reinterpret_cast<PageHeader>(page)->pd_lower = static_cast<LocationIndex>(lower);
}

static Page
next_page(wal::BulkWriter *writer, page::Kind kind)
{
    CHECK_FOR_INTERRUPTS();
    Page page = wal::bulk_next_page(writer);
    page::format(page, kind);
    return page;
}

static void
write_metapage(const BuildState *build, wal::BulkWriter *writer)
{
    Page page = next_page(writer, page::Kind::meta);
    *page::content<page::MetaPage>(page) = build->meta.page;
    set_lower(page, page::kContentOffset + sizeof(page::MetaPage));
}

static void
write_mean(const BuildState *build, wal::BulkWriter *writer)
{
    for (uint32 first = 0; first < build->padded(); first += page::kMeanPerPage) {
        const uint32 count = Min(page::kMeanPerPage, build->padded() - first);
        Page page = next_page(writer, page::Kind::mean);
        memcpy(page::content<float>(page), build->mean + first, count * sizeof(float));
        set_lower(page, page::kContentOffset + count * sizeof(float));
    }
}

/// The tiles of so many places.
static void
write_tiles(const BuildState *build, const uint8 *tiles, uint32 places, wal::BulkWriter *writer)
{
    const Size count = kernel::centroid_blocks(places) * kernel::tiles_per_block(build->padded());
    for (Size first = 0; first < count; first += page::kTilesPerPage) {
        const Size bytes = Min(Size{page::kTilesPerPage}, count - first) * kernel::kTileBytes;
        Page page = next_page(writer, page::Kind::centroids);
        memcpy(page + page::kTilesOffset, tiles + first * kernel::kTileBytes, bytes);
        set_lower(page, page::kTilesOffset + bytes);
    }
}

static void
write_centroids(const BuildState *build, wal::BulkWriter *writer)
{
    const uint32 capacity = build->centres.capacity;
    write_tiles(build, build->centres.blocks, capacity, writer);
    if (build->block_centres != nullptr)
        write_tiles(build, build->block_centres, capacity / kernel::kBlockCentroids, writer);
}

static page::ListEntry
unused_entry()
{
    page::ListEntry entry;
    memset(&entry, 0, sizeof(entry));
    entry.run_start = InvalidBlockNumber;
    entry.first = entry.tail = entry.free = page::kNoSlice;
    return entry;
}

static void
write_directory(const BuildState *build, wal::BulkWriter *writer)
{
    const uint32 capacity = build->meta.page.list_capacity;
    for (uint32 first = 0; first < capacity; first += page::kEntriesPerPage) {
        const uint32 count = Min(page::kEntriesPerPage, capacity - first);
        Page page = next_page(writer, page::Kind::directory);
        *page::content<page::DirectoryPage>(page) = {first, count};
        auto *entries = reinterpret_cast<page::ListEntry *>(page + page::kEntriesOffset);
        for (uint32 i = 0; i < count; i++)
            entries[i] = first + i < build->lists() ? build->entries[first + i] : unused_entry();
        set_lower(page, page::kEntriesOffset + count * sizeof(*entries));
    }
}

// ---- scan and fine pages

/// The fine records, one after the other.
struct FineStream {
    wal::BulkWriter *writer;
    Page page;
    uint32 in_page;
};

static void
write_fine_records(const page::MetaPage &meta, FineStream *stream, const char *records,
                   uint32 count)
{
    for (uint32 i = 0; i < count; i++) {
        if (stream->page == nullptr || stream->in_page == meta.fine_per_page) {
            stream->page = next_page(stream->writer, page::Kind::fine);
            stream->in_page = 0;
            // also of the last page: all its records are places that a row may take
            set_lower(stream->page, page::kFineOffset + meta.fine_per_page * meta.fine_bytes);
        }
        memcpy(stream->page + page::kFineOffset + stream->in_page++ * meta.fine_bytes,
               records + static_cast<Size>(i) * meta.fine_bytes, meta.fine_bytes);
    }
}

struct Streams {
    const BuildState *build;
    wal::BulkWriter *scan;
    FineStream fine;
    RowReader rows;
};

/// Writes a finished page.
static void
write_image(Streams *streams, PageImage *image, uint32 number)
{
    const BuildState *build = streams->build;
    const page::MetaPage &meta = build->meta.page;
    if (wal::bulk_next_block(streams->scan) != meta.first_scan + number)
        elog(ERROR, "scan page %u would be block %u, not %u", number,
             wal::bulk_next_block(streams->scan), meta.first_scan + number);
    finish_image(build->meta, image, number);
    memcpy(next_page(streams->scan, page::Kind::scan), image->page, BLCKSZ);
    write_fine_records(meta, &streams->fine, image->fine, build->meta.rows_per_page());
    VX_FAULT(ivfrabitq_build_page);
}

static void
write_list(Streams *streams, PageImage *run, PageImage **shared, uint32 list)
{
    const BuildState *build = streams->build;
    const Meta &meta = build->meta;
    const PackedList &packed = build->packing.packed[list];
    uint32 left = build->list_rows[list];
    for (uint32 i = 0; i < packed.run_pages; i++) {
        const uint32 count = Min(left, meta.rows_per_page());
        clear_image(meta, run);
        add_slice(meta, run, {list, 0, meta.page.groups_per_page, count}, &streams->rows);
        write_image(streams, run, packed.run_start + i);
        left -= count;
    }
    if (packed.shared == kNoPage)
        return;
    const SharedPage &page = build->packing.shared[packed.shared];
    PageImage **image = &shared[packed.shared];
    if (*image == nullptr)
        *image = make_image(meta);
    add_slice(meta, *image, {list, packed.first_group, packed.groups, left}, &streams->rows);
    if (page.last_list == list) {
        write_image(streams, *image, page.page);
        free_image(*image);
        *image = nullptr;
    }
}

static void
write_rows(BuildState *build, wal::BulkWriter *scan, ForkNumber fork)
{
    const page::MetaPage &meta = build->meta.page;
    Streams streams = {};
    streams.build = build;
    streams.scan = scan;
    streams.fine.writer = wal::bulk_begin_at(build->index, fork, meta.first_scan + meta.scan_pages);
    begin_reading(&streams.rows, build->index, &build->meta, build->sort);
    PageImage *run = make_image(build->meta);
    auto **shared = static_cast<PageImage **>(
        palloc_extended((build->packing.shared_count + 1) * sizeof(PageImage *),
                        MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    for (uint32 list = 0; list < build->lists(); list++)
        write_list(&streams, run, shared, list);
    end_reading(&streams.rows);
    if (wal::bulk_next_block(streams.fine.writer) !=
        meta.first_scan + meta.scan_pages + meta.fine_pages)
        elog(ERROR, "fine pages end at block %u", wal::bulk_next_block(streams.fine.writer));
    wal::bulk_finish(streams.fine.writer);
    VX_FAULT(ivfrabitq_build_fine);
}

void
load_index(BuildState *build, ForkNumber fork)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseLoad);
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, 0);
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL,
                                 static_cast<int64>(build->index_tuples));

    wal::BulkWriter *writer = wal::bulk_begin(build->index, fork);
    write_metapage(build, writer);
    VX_FAULT(ivfrabitq_build_metapage);
    write_mean(build, writer);
    write_centroids(build, writer);
    VX_FAULT(ivfrabitq_build_centroids);
    write_directory(build, writer);
    VX_FAULT(ivfrabitq_build_directory);
    write_rows(build, writer, fork);
    wal::bulk_finish(writer);
    tuplesort_end(build->sort);
}

} // namespace vx::ivfrabitq
