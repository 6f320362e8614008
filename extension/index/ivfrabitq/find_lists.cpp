// SPDX-License-Identifier: PostgreSQL
//
// In which lists rows are, by reading the whole index: only the index knows where a split or a
// second choice put a row.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/lists.hpp"
#include "index/ivfrabitq/table_truth.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/hsearch.h"
}

namespace vx::ivfrabitq
{

struct RowPlace {
    ItemPointerData tid; // key
    int32 list;
    int32 spill_list;
};

static HTAB *
make_places(long rows)
{
    HASHCTL control = {};
    control.keysize = sizeof(ItemPointerData);
    control.entrysize = sizeof(RowPlace);
    control.hcxt = CurrentMemoryContext;
    return hash_create("rows and their lists", rows, &control,
                       HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static ItemPointerData
tid_of(const TrueNeighbour &neighbour)
{
    ItemPointerData tid;
    ItemPointerSet(&tid, static_cast<BlockNumber>(neighbour.list),
                   static_cast<OffsetNumber>(neighbour.spill_list));
    return tid;
}

static HTAB *
collect_neighbours(Truth *truth)
{
    HTAB *places = make_places(static_cast<long>(truth_queries(truth)) * kTruthNeighbours);
    for (uint32 q = 0; q < truth_queries(truth); q++) {
        uint32 count;
        const TrueNeighbour *neighbours = truth_neighbours(truth, q, &count);
        for (uint32 i = 0; i < count; i++) {
            const ItemPointerData tid = tid_of(neighbours[i]);
            auto *place = static_cast<RowPlace *>(hash_search(places, &tid, HASH_ENTER, nullptr));
            place->list = place->spill_list = -1;
        }
    }
    return places;
}

static void
note_slice(const Meta &meta, Page page, const page::Slice &slice, HTAB *places, uint32 *list_rows)
{
    const ItemPointerData *tids =
        page::tids(meta.page, page) + slice.first_group * kernel::kGroupRows;
    for (uint32 i = 0; i < slice.count; i++) {
        if (!page::is_live(tids[i]))
            continue;
        list_rows[slice.list]++;
        auto *place = static_cast<RowPlace *>(hash_search(places, &tids[i], HASH_FIND, nullptr));
        if (place == nullptr)
            continue;
        if (place->list < 0)
            place->list = static_cast<int32>(slice.list);
        else
            place->spill_list = static_cast<int32>(slice.list);
    }
}

static void
note_page(Relation index, const Meta &meta, Buffer buffer, HTAB *places, uint32 *list_rows)
{
    Page page = BufferGetPage(buffer);
    if (!page::has_kind(page, page::Kind::scan))
        return;
    check_scan_page(index, meta, buffer);
    const page::ListEntry *directory = get_directory(index, meta);
    for (uint32 i = 0; i < page::content<page::ScanPage>(page)->slice_count; i++) {
        const page::Slice &slice = page::slices(page)[i];
        if (slice.list < meta.page.lists &&
            page::exists_in(directory[slice.list], meta.page.structure_version))
            note_slice(meta, page, slice, places, list_rows);
    }
}

void
find_lists(TableTruth *state, uint32 *list_rows)
{
    memset(list_rows, 0, state->meta.page.lists * sizeof(uint32));
    HTAB *places = collect_neighbours(state->truth);
    const BlockNumber end = RelationGetNumberOfBlocks(state->index);
    for (BlockNumber block = state->meta.page.first_scan; block < end; block++) {
        CHECK_FOR_INTERRUPTS();
        get_meta(state->index); // what read_page() requires
        Buffer buffer = read_page(state->index, block);
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        note_page(state->index, state->meta, buffer, places, list_rows);
        UnlockReleaseBuffer(buffer);
    }
    for (uint32 q = 0; q < truth_queries(state->truth); q++) {
        uint32 count;
        TrueNeighbour *neighbours = truth_neighbours(state->truth, q, &count);
        for (uint32 i = 0; i < count; i++) {
            const ItemPointerData tid = tid_of(neighbours[i]);
            const auto *place =
                static_cast<RowPlace *>(hash_search(places, &tid, HASH_FIND, nullptr));
            neighbours[i].list = place->list;
            neighbours[i].spill_list = place->spill_list;
        }
    }
    hash_destroy(places);
}

} // namespace vx::ivfrabitq
