// SPDX-License-Identifier: PostgreSQL
//
// How many rows every list has is known: so every block number is, before the first page is
// written.
#include "pg/postgres.hpp"

#include "index/common/sample.hpp"
#include "index/ivfrabitq/build_state.hpp"
#include "index/ivfrabitq/page_images.hpp"

namespace vx::ivfrabitq
{

constexpr uint32 kLeastWindow = 16;
constexpr uint32 kMostWindow = 256;
constexpr Size kMostImages = 16 * 1024 * 1024;

uint32
packing_window(const BuildState *build)
{
    const Size memory = Min(index::build_memory() / 8, kMostImages);
    const Size images = memory / image_bytes(build->meta);
    if (images < kLeastWindow + kCarriedPages)
        return kLeastWindow;
    return static_cast<uint32>(Min(images - kCarriedPages, Size{kMostWindow}));
}

static page::ListEntry
make_entry(const BuildState *build, uint32 list)
{
    if (build->vacant != nullptr && build->vacant[list])
        return page::vacant_entry();
    const page::MetaPage &meta = build->meta.page;
    const PackedList &packed = build->packing.packed[list];
    const uint32 rows = build->list_rows[list];
    page::ListEntry entry;
    memset(&entry, 0, sizeof(entry));
    entry.rows = rows;
    entry.run_pages = packed.run_pages;
    entry.run_start =
        packed.run_pages > 0 ? meta.first_scan + packed.run_start : InvalidBlockNumber;
    entry.first = entry.tail = entry.free = page::kNoSlice;
    if (packed.shared != kNoPage)
        entry.first = entry.tail = {meta.first_scan + build->packing.shared[packed.shared].page,
                                    packed.slice};
    if (rows % kernel::kGroupRows != 0) // its last group, wherever that is, has room
        entry.free = packed.shared != kNoPage
                         ? entry.first
                         : page::SlicePointer{entry.run_start + entry.run_pages - 1, 0};
    return entry;
}

void
plan_pages(BuildState *build)
{
    const uint32 lists = build->lists();
    Packing &packing = build->packing;
    packing.lists = lists;
    packing.groups_per_page = build->meta.page.groups_per_page;
    packing.window = packing_window(build);
    packing.packed =
        static_cast<PackedList *>(palloc_extended(lists * sizeof(PackedList), MCXT_ALLOC_HUGE));
    packing.shared =
        static_cast<SharedPage *>(palloc_extended(lists * sizeof(SharedPage), MCXT_ALLOC_HUGE));
    pack_lists(&packing, build->list_rows);
    plan_blocks(&build->meta.page, build->centres.capacity, packing.pages);

    build->entries = static_cast<page::ListEntry *>(
        palloc_extended(lists * sizeof(page::ListEntry), MCXT_ALLOC_HUGE));
    for (uint32 list = 0; list < lists; list++)
        build->entries[list] = make_entry(build, list);
}

} // namespace vx::ivfrabitq
