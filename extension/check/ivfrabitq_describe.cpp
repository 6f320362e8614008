// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/describe.hpp"
#include "check/ivfrabitq.hpp"

namespace vx::check
{

namespace rabitq
{

static constexpr PageFacts kDamaged = {Use::damaged, "damaged", kNone, 0, {}};

static void
describe_scan_page(Walk *walk, PageFacts *out)
{
    if (scan_page_problem(walk) != nullptr) {
        *out = kDamaged;
        return;
    }
    *out = {Use::rows, "scan", kNone, 0, {}};
    const uint32 count = page::content<page::ScanPage>(walk->page)->slice_count;
    for (uint32 i = 0; i < count; i++) {
        const page::Slice &slice = page::slices(walk->page)[i];
        if (slice.list != page::kNoList)
            out->share[out->shares++] = {slice.list, slice.groups * kGroupRows,
                                         uint32{slice.count} - slice.dead, slice.dead};
    }
}

static void
describe_fine_page(Walk *walk, BlockNumber block, PageFacts *out)
{
    *out = kDamaged;
    if (fine_page_problem(walk, walk->page, block) == nullptr) {
        const uint32 lower = reinterpret_cast<PageHeader>(walk->page)->pd_lower;
        *out = {Use::fine, "fine", (lower - page::kFineOffset) / walk->meta.page.fine_bytes, 0, {}};
    }
}

/// Pages of one kind, with that many things on them.
static void
describe_table_page(Walk *walk, page::Kind kind, const PageFacts &sound, PageFacts *out)
{
    *out = page_problem(walk->page, kind) == nullptr ? sound : kDamaged;
}

static void
describe(Description *description, BlockNumber block, PageFacts *out)
{
    auto *walk = static_cast<Walk *>(description->walk);
    const page::MetaPage &meta = walk->meta.page;
    const auto *directory = page::content<page::DirectoryPage>(walk->page);
    const BlockNumber extents = meta.first_scan + meta.scan_pages + meta.fine_pages;
    if (block == 0)
        describe_table_page(walk, page::Kind::meta, {Use::meta, "metapage", kNone, 0, {}}, out);
    else if (block < meta.first_centroids)
        describe_table_page(walk, page::Kind::mean, {Use::meta, "mean", kNone, 0, {}}, out);
    else if (block < meta.first_directory)
        describe_table_page(walk, page::Kind::centroids,
                            {Use::centroids, "centroids", kNone, 0, {}}, out);
    else if (block < meta.first_scan)
        describe_table_page(walk, page::Kind::directory,
                            {Use::directory, "directory", directory->count, 0, {}}, out);
    else if (block < meta.first_scan + meta.scan_pages ||
             (block >= extents && page_problem(walk->page, page::Kind::fine) != nullptr))
        describe_scan_page(walk, out);
    else
        describe_fine_page(walk, block, out);
}

static void
count_lists(Description *description, const Walk &walk)
{
    const page::MetaPage &meta = walk.meta.page;
    const page::ListEntry *entries = ivfrabitq::get_directory(description->index, walk.meta);
    auto *is_list = static_cast<bool *>(palloc_extended(meta.lists, MCXT_ALLOC_HUGE));
    for (uint32 i = 0; i < meta.lists; i++) {
        const page::ListEntry &entry = entries[i];
        is_list[i] = page::exists_in(entry, meta.structure_version);
        description->frozen += is_list[i] && (entry.flags & page::kFrozen);
        description->retired += !is_list[i] && entry.died != 0 && !(entry.flags & page::kVacant);
    }
    description->is_list = is_list;
}

} // namespace rabitq

void
describe_ivfrabitq(Description *description)
{
    auto *walk = static_cast<rabitq::Walk *>(palloc0(sizeof(rabitq::Walk)));
    ivfrabitq::forget_meta(description->index);
    walk->meta = ivfrabitq::read_meta(description->index);
    walk->page = description->page;
    const ivfrabitq::page::MetaPage &meta = walk->meta.page;

    description->describe = rabitq::describe;
    description->walk = walk;
    description->method = "ivfrabitq";
    description->version = meta.version;
    description->dimensions = meta.dimensions;
    description->metric = walk->meta.metric();
    description->places = meta.lists;
    description->capacity = meta.list_capacity;
    description->structure = meta.structure_version;
    description->rows_at_build = static_cast<int64>(meta.built_rows);
    description->queries = meta.calibration.queries;
    if (meta.calibration.queries > 0)
        description->lists_at_calibration = meta.calibration.lists;
    rabitq::count_lists(description, *walk);
}

} // namespace vx::check
