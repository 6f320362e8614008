// SPDX-License-Identifier: PostgreSQL
//
// Splitting a list. Its rows go to new lists, with centres of their own; the old one stays readable
// for the scans that know it:
//
//   freeze    entry: kFrozen; then slice after slice leaves the free chain. Inserts go elsewhere.
//   cluster   k-means over (a sample of) its rows, whose vectors are read from the table
//   fill      centres and unborn entries of the new lists, then row after row, as inserts do
//   publish   one edit: the new lists are born, the old one dies; the structure has a new version
//
// Nothing before the last step can be seen; what an interrupted split leaves, the next vacuum gives
// back. SPFresh (Xu et al., SOSP 2023, section 4.2) splits so too, but in place.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/split.hpp"

extern "C" {
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
}

#include "index/ivfrabitq/build_shape.hpp"
#include "index/ivfrabitq/encode.hpp"
#include "index/ivfrabitq/filter.hpp"
#include "index/ivfrabitq/lists.hpp"
#include "index/ivfrabitq/options.hpp"
#include "index/ivfrabitq/split_rows.hpp"
#include "pg/compat.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::ivfrabitq
{

constexpr double kTooLong = 2.5;     // times the mean
constexpr uint32 kMinimumRows = 256; // shorter lists are never split
constexpr uint32 kMaxParts = 32;
constexpr uint32 kSamplePerPart = 256;

struct Splitter {
    Relation index;
    Meta meta;
    RowReader reader;
    MemoryContext scratch; // of one row
};

static void
end_row(Splitter *splitter)
{
    MemoryContextReset(splitter->scratch);
    ResetPerTupleExprContext(splitter->reader.estate);
}

/// Evenly spaced rows of the list, into out (wanted x padded). Returns how many.
static uint32
sample_rows(Splitter *splitter, const ListRows &rows, uint32 wanted, float *out)
{
    const uint32 padded = splitter->meta.page.padded;
    uint32 found = 0;
    for (uint32 i = 0; i < wanted && i < rows.count; i++) {
        pg::vacuum_delay();
        const uint64 at = uint64{i} * rows.count / Min(wanted, rows.count);
        MemoryContext previous = MemoryContextSwitchTo(splitter->scratch);
        found += read_row(&splitter->reader, rows.tids[at], out + Size{found} * padded);
        MemoryContextSwitchTo(previous);
        end_row(splitter);
    }
    return found;
}

/// Puts every row into the nearest of the new lists.
static void
fill_lists(Splitter *splitter, const ListRows &rows, const NewList *lists, uint32 count)
{
    const uint32 padded = splitter->meta.page.padded;
    Meta unborn = splitter->meta; // sees lists that are not born
    unborn.page.structure_version = page::kUnborn;
    auto *row = static_cast<float *>(palloc(padded * sizeof(float)));
    auto *centres = static_cast<float *>(palloc(Size{count} * padded * sizeof(float)));
    auto *code = static_cast<RowCode *>(palloc0(row_code_bytes(splitter->meta)));
    for (uint32 i = 0; i < count; i++)
        kernel::dequantize_centroid(lists[i].codes, lists[i].scale, padded,
                                    centres + Size{i} * padded);

    for (uint32 i = 0; i < rows.count; i++) {
        pg::vacuum_delay();
        MemoryContext previous = MemoryContextSwitchTo(splitter->scratch);
        if (read_row(&splitter->reader, rows.tids[i], row)) {
            const NewList &list = lists[nearest_part(row, centres, count, padded)];
            encode_row(&splitter->reader.encoder, row, list.codes, list.scale, code);
            code->tid = rows.tids[i];
            store_filter_values(splitter->index, splitter->meta, splitter->reader.values,
                                splitter->reader.isnull, code);
            if (!place_row(splitter->index, unborn, list.place, code))
                elog(ERROR, "list %u of index \"%s\" does not take rows", list.place,
                     RelationGetRelationName(splitter->index));
            VX_FAULT(ivfrabitq_split_moved);
        }
        MemoryContextSwitchTo(previous);
        end_row(splitter);
    }
}

/// Splits the list into about `parts`.
static void
split_list(Splitter *splitter, uint32 list, uint32 parts)
{
    const uint32 padded = splitter->meta.page.padded;
    NewList lists[kMaxParts];
    parts = choose_places(splitter->index, splitter->meta, list, parts, lists);
    if (parts < 2)
        return; // no places left: REINDEX makes more

    freeze_list(splitter->index, splitter->meta, list);
    VX_FAULT(ivfrabitq_split_unchained);
    const ListRows rows = collect_rows(splitter->index, splitter->meta, list);
    const uint32 wanted = parts * kSamplePerPart;
    auto *sample = static_cast<float *>(
        palloc_extended(Size{wanted} * padded * sizeof(float), MCXT_ALLOC_HUGE));
    auto *centroids = static_cast<float *>(palloc(Size{parts} * padded * sizeof(float)));
    const uint32 found = sample_rows(splitter, rows, wanted, sample);
    parts = cluster_rows(sample, found, padded, parts, centroids);
    if (parts < 2)
        return; // equal rows; the caller thaws the list
    VX_FAULT(ivfrabitq_split_clustered);

    for (uint32 i = 0; i < parts; i++) {
        lists[i].codes = static_cast<int8 *>(palloc(padded));
        lists[i].scale = kernel::quantize_centroid(centroids + Size{i} * padded, padded,
                                                   lists[i].codes, &lists[i].norm2);
        write_new_list(splitter->index, splitter->meta, lists[i]);
    }
    fill_lists(splitter, rows, lists, parts);
    VX_FAULT(ivfrabitq_split_filled);
    announce_left_out(&splitter->reader);
    publish_lists(splitter->index, splitter->meta, list, lists, parts);
    VX_FAULT(ivfrabitq_split_published);
}

/// How many rows a list should have: as many as the others, or, where the build may choose, no more
/// than it would choose for a table of this size.
static double
rows_per_list(Relation index, const Meta &meta, const page::ListEntry *entries)
{
    double rows = 0;
    double lists = 0;
    for (uint32 i = 0; i < meta.page.lists; i++) {
        if (!page::exists_in(entries[i], meta.page.structure_version))
            continue;
        rows += entries[i].rows;
        lists++;
    }
    if (get_lists(index) == 0)
        lists = Max(lists, auto_lists(rows, meta.page.padded));
    return lists > 0 ? rows / lists : 0;
}

void
split_lists(IndexVacuumInfo *info)
{
    Relation index = info->index;
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "ivfrabitq split", ALLOCSET_DEFAULT_SIZES);
    MemoryContext previous = MemoryContextSwitchTo(context);
    forget_meta(index); // the counts in the kept directory are older than the pass
    const Meta meta = read_meta(index);
    auto *entries = static_cast<page::ListEntry *>(
        palloc_extended(meta.page.lists * sizeof(page::ListEntry), MCXT_ALLOC_HUGE));
    memcpy(entries, get_directory(index, meta), meta.page.lists * sizeof(page::ListEntry));
    const double usual = rows_per_list(index, meta, entries);

    for (uint32 list = 0; list < meta.page.lists; list++) {
        if (!page::exists_in(entries[list], meta.page.structure_version) ||
            entries[list].rows < kMinimumRows || entries[list].rows < kTooLong * usual)
            continue;
        MemoryContext one =
            AllocSetContextCreate(context, "ivfrabitq split list", ALLOCSET_DEFAULT_SIZES);
        MemoryContextSwitchTo(one);
        LockPage(index, 0, ExclusiveLock);
        Splitter splitter = {index, read_meta(index), {}, nullptr};
        splitter.scratch =
            AllocSetContextCreate(one, "ivfrabitq split row", ALLOCSET_DEFAULT_SIZES);
        begin_row_reader(&splitter.reader, index, splitter.meta);
        const double parts = entries[list].rows / Max(usual, kMinimumRows / 2);
        split_list(&splitter, list,
                   static_cast<uint32>(Min(Max(parts, 2.0), static_cast<double>(kMaxParts))));
        end_row_reader(&splitter.reader);
        thaw_lists(index, read_meta(index));
        UnlockPage(index, 0, ExclusiveLock);
        MemoryContextSwitchTo(context);
        MemoryContextDelete(one);
    }
    MemoryContextSwitchTo(previous);
    MemoryContextDelete(context);
}

} // namespace vx::ivfrabitq
