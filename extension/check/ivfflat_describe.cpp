// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/describe.hpp"
#include "check/ivfflat.hpp"

namespace vx::check
{

namespace flat
{

/// What stands at that place of the file.
static page::Kind
kind_at(const page::MetaPage &meta, BlockNumber block)
{
    if (block == 0)
        return page::Kind::meta;
    if (block >= meta.first_rows)
        return page::Kind::rows;
    return block >= meta.first_directory ? page::Kind::directory : page::Kind::centroids;
}

static const char *
problem_of(Walk *walk, page::Kind kind)
{
    return kind == page::Kind::rows ? row_page_problem(walk) : page_problem(walk->page, kind);
}

static void
describe(Description *description, BlockNumber block, PageFacts *out)
{
    auto *walk = static_cast<Walk *>(description->walk);
    const page::Kind kind = kind_at(walk->meta.page, block);
    if (problem_of(walk, kind) != nullptr) {
        *out = {Use::damaged, "damaged", kNone, 0, {}};
        return;
    }
    switch (kind) {
    case page::Kind::meta:
        *out = {Use::meta, "metapage", kNone, 0, {}};
        break;
    case page::Kind::centroids:
        *out = {Use::centroids,
                "centroids",
                page::content<page::CentroidPage>(walk->page)->count,
                0,
                {}};
        break;
    case page::Kind::directory:
        *out = {Use::directory,
                "directory",
                page::content<page::DirectoryPage>(walk->page)->count,
                0,
                {}};
        break;
    case page::Kind::rows: {
        const auto *rows = page::content<page::RowPage>(walk->page);
        *out = {Use::rows, "rows", kNone, 1, {}};
        out->share[0] = {rows->list, walk->meta.page.row_capacity, uint32{rows->count} - rows->dead,
                         rows->dead};
        break;
    }
    }
}

} // namespace flat

void
describe_ivfflat(Description *description)
{
    auto *walk = static_cast<flat::Walk *>(palloc0(sizeof(flat::Walk)));
    ivf::forget_meta(description->index);
    walk->meta = ivf::get_meta(description->index);
    walk->page = description->page;
    const ivf::page::MetaPage &meta = walk->meta.page;
    auto *is_list = static_cast<bool *>(palloc(meta.lists));
    memset(is_list, true, meta.lists);

    description->describe = flat::describe;
    description->walk = walk;
    description->method = "ivfflat";
    description->version = meta.version;
    description->dimensions = meta.dimensions;
    description->metric = walk->meta.metric();
    description->places = meta.lists;
    description->capacity = meta.lists;
    description->is_list = is_list;
}

} // namespace vx::check
