// SPDX-License-Identifier: PostgreSQL
//
// Loading: how many rows every list has is known, so every block number is, and the file is written
// once from front to back.
#include "pg/postgres.hpp"

#include "index/ivf/build_state.hpp"

extern "C" {
#include "commands/progress.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
}

#include "index/ivf/sorted_rows.hpp"
#include "wal_hooks/bulk_write.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::ivf
{

constexpr int64 kProgressEvery = 1024; // rows

static void
set_lower(Page page, uint32 lower)
{
    reinterpret_cast<PageHeader>(page)->pd_lower = static_cast<LocationIndex>(lower);
}

static void
write_metapage(const BuildState *build, wal::BulkWriter *writer)
{
    Page page = wal::bulk_next_page(writer);
    page::format(page, page::Kind::meta);
    *page::content<page::MetaPage>(page) = build->meta;
    set_lower(page, page::kContentOffset + sizeof(page::MetaPage));
}

static void
write_centroids(const BuildState *build, wal::BulkWriter *writer)
{
    const Size bytes = build->dimensions() * sizeof(float);
    for (uint32 first = 0; first < build->lists(); first += build->meta.centroids_per_page) {
        const uint32 count = Min(build->meta.centroids_per_page, build->lists() - first);
        Page page = wal::bulk_next_page(writer);
        page::format(page, page::Kind::centroids);
        *page::content<page::CentroidPage>(page) = {first, count};
        memcpy(page + page::kCentroidsOffset,
               build->centroids + static_cast<Size>(first) * build->dimensions(), count * bytes);
        set_lower(page, static_cast<uint32>(page::kCentroidsOffset + count * bytes));
    }
}

/// The entry of a list whose run starts at `block`.
static page::ListEntry
plan_entry(const BuildState *build, uint32 list, BlockNumber block)
{
    const int64 rows = build->list_rows[list];
    const uint32 capacity = build->meta.row_capacity;
    page::ListEntry entry;
    memset(&entry, 0, sizeof(entry));
    entry.run_pages = static_cast<uint32>((rows + capacity - 1) / capacity);
    entry.run_start = entry.run_pages > 0 ? block : InvalidBlockNumber;
    entry.chain_head = entry.chain_tail = entry.free_head = InvalidBlockNumber;
    if (rows % capacity != 0)
        entry.free_head = block + entry.run_pages - 1;
    return entry;
}

static void
write_directory(const BuildState *build, wal::BulkWriter *writer)
{
    BlockNumber block = build->meta.first_rows;
    for (uint32 first = 0; first < build->lists(); first += build->meta.entries_per_page) {
        const uint32 count = Min(build->meta.entries_per_page, build->lists() - first);
        Page page = wal::bulk_next_page(writer);
        page::format(page, page::Kind::directory);
        *page::content<page::DirectoryPage>(page) = {first, count};
        auto *entries = reinterpret_cast<page::ListEntry *>(page + page::kEntriesOffset);
        for (uint32 i = 0; i < count; i++) {
            entries[i] = plan_entry(build, first + i, block);
            block += entries[i].run_pages;
        }
        set_lower(page, static_cast<uint32>(page::kEntriesOffset + count * sizeof(*entries)));
    }
}

/// The sorted rows, one after the other.
struct RowReader {
    BuildState *build;
    TupleTableSlot *slot;
    int64 done;
};

/// Copies the next row, which must be of that list, into the page's slot.
static void
read_row(RowReader *reader, uint32 list, Page page, uint32 slot_number)
{
    const page::MetaPage &meta = reader->build->meta;
    bool isnull;
    if (!tuplesort_gettupleslot(reader->build->sort, true, false, reader->slot, nullptr) ||
        DatumGetInt32(slot_getattr(reader->slot, 1, &isnull)) != static_cast<int32>(list))
        elog(ERROR, "sorted rows do not match the counts of their lists");
    const auto *payload =
        reinterpret_cast<const char *>(DatumGetPointer(slot_getattr(reader->slot, 2, &isnull)));
    const char *bytes = VARDATA_ANY(payload);
    memcpy(&page::tids(page)[slot_number], bytes, sizeof(ItemPointerData));
    memcpy(page + meta.rows_offset + slot_number * meta.row_bytes, bytes + kSortedRowOffset,
           meta.row_bytes);
    if (++reader->done % kProgressEvery == 0)
        pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, reader->done);
}

static void
write_list(RowReader *reader, wal::BulkWriter *writer, uint32 list)
{
    const page::MetaPage &meta = reader->build->meta;
    for (int64 left = reader->build->list_rows[list]; left > 0;) {
        CHECK_FOR_INTERRUPTS();
        const auto count = static_cast<uint32>(Min(left, static_cast<int64>(meta.row_capacity)));
        Page page = wal::bulk_next_page(writer);
        page::format(page, page::Kind::rows);
        auto *header = page::content<page::RowPage>(page);
        header->list = list;
        header->count = static_cast<uint16>(count);
        header->next = header->next_free = InvalidBlockNumber;
        header->flags = count < meta.row_capacity ? page::kInFreeChain : 0;
        for (uint32 i = 0; i < count; i++)
            read_row(reader, list, page, i);
        set_lower(page, meta.rows_offset + count * meta.row_bytes);
        left -= count;
    }
}

static void
write_rows(BuildState *build, wal::BulkWriter *writer)
{
    if (wal::bulk_next_block(writer) != build->meta.first_rows)
        elog(ERROR, "row pages would start at block %u, not %u", wal::bulk_next_block(writer),
             build->meta.first_rows);
    RowReader reader = {build,
                        MakeSingleTupleTableSlot(build->sort_descriptor, &TTSOpsMinimalTuple), 0};
    for (uint32 list = 0; list < build->lists(); list++) {
        write_list(&reader, writer, list);
        VX_FAULT(ivfflat_build_list);
    }
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, reader.done);
    ExecDropSingleTupleTableSlot(reader.slot);
}

void
load_index(BuildState *build, ForkNumber fork)
{
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseLoad);
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL,
                                 static_cast<int64>(build->index_tuples));

    wal::BulkWriter *writer = wal::bulk_begin(build->index, fork);
    write_metapage(build, writer);
    VX_FAULT(ivfflat_build_metapage);
    write_centroids(build, writer);
    VX_FAULT(ivfflat_build_centroids);
    write_directory(build, writer);
    VX_FAULT(ivfflat_build_directory);
    write_rows(build, writer);
    wal::bulk_finish(writer);
    tuplesort_end(build->sort);
}

} // namespace vx::ivf
