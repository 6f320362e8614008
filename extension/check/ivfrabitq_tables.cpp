// SPDX-License-Identifier: PostgreSQL
//
// Mean, centroids and directory. What lists use of them never changes while they live.
#include "pg/postgres.hpp"

#include "check/ivfrabitq.hpp"

#include <cmath>
#include <limits>

namespace vx::check::rabitq
{

constexpr auto kPlaces = static_cast<uint32>(kernel::kBlockCentroids);
constexpr auto kTile = static_cast<uint32>(kernel::kTileBytes);

/// Copies the page and checks all but its content. False: it was told about.
static bool
read_table_page(Walk *walk, BlockNumber block, page::Kind kind, Size lower)
{
    if (!copy_page(walk->check, block, walk->page)) {
        add(&walk->bad, block);
        return false;
    }
    const char *problem = page_problem(walk->page, kind);
    if (problem == nullptr && reinterpret_cast<PageHeader>(walk->page)->pd_lower != lower)
        problem = "the end of the page's content is out of range";
    if (problem == nullptr)
        return true;
    report(walk->check, block, kNone, "page", "%s", problem);
    add(&walk->bad, block);
    return false;
}

void
check_mean(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    for (uint32 first = 0; first < meta.padded; first += page::kMeanPerPage) {
        const uint32 count = Min(page::kMeanPerPage, meta.padded - first);
        const BlockNumber block = meta.first_mean + first / page::kMeanPerPage;
        if (!read_table_page(walk, block, page::Kind::mean,
                             page::kContentOffset + count * sizeof(float)))
            continue;
        const auto *mean = page::content<float>(walk->page);
        for (uint32 i = 0; i < count; i++)
            if (!std::isfinite(mean[i])) {
                report(walk->check, block, kNone, "mean", "coordinate %u is not finite", first + i);
                break;
            }
    }
}

// ---- centroids

/// A block of 64 centroids under way: its tiles may lie on several pages.
struct CentroidBlock {
    float scales[kPlaces];
    float norms[kPlaces];
    uint64 squares[kPlaces]; // sum of code^2
    bool wrong[kPlaces];     // a code that quantisation does not give
    bool complete;           // no tile was lost with a page
};

static void
add_tile(CentroidBlock *block, uint32 number, const char *tile)
{
    if (number == kernel::kScaleTile) {
        memset(block, 0, sizeof(*block));
        block->complete = true;
        memcpy(block->scales, tile, kTile);
    } else if (number == kernel::kNormTile) {
        memcpy(block->norms, tile, kTile);
    } else {
        for (uint32 i = 0; i < kTile; i++) {
            const int code = static_cast<int>(static_cast<uint8>(tile[i])) - 128;
            block->squares[i / 4] += static_cast<uint64>(code * code);
            block->wrong[i / 4] |= code == -128;
        }
    }
}

static const char *
centroid_problem(const CentroidBlock &block, uint32 place)
{
    constexpr double kMostNorm = std::numeric_limits<float>::max() / 4;
    constexpr double kRounding = 1e-4;
    const auto scale = static_cast<double>(block.scales[place]);
    const auto norm = static_cast<double>(block.norms[place]);
    if (!std::isfinite(scale) || scale < 0)
        return "the scale of the list's centroid is out of range";
    if (block.wrong[place])
        return "a code of the list's centroid is out of range";
    const double expected =
        Min(scale * scale * static_cast<double>(block.squares[place]), kMostNorm);
    if (!(std::fabs(norm - expected) <= kRounding * expected + 1e-30))
        return "the length of the list's centroid is not that of its codes";
    return nullptr;
}

static void
end_list_block(Walk *walk, const CentroidBlock &block, uint32 first_list, BlockNumber at)
{
    for (uint32 place = 0; place < kPlaces; place++) {
        const uint32 list = first_list + place;
        if (!block.complete || !existed(walk, list))
            continue;
        const char *problem = centroid_problem(block, place);
        if (problem != nullptr)
            report(walk->check, at, list, "centroid", "%s", problem);
    }
}

/// Blocks behind those of the build have no centre.
static void
end_centre_block(Walk *walk, const CentroidBlock &block, uint32 first_block, BlockNumber at)
{
    for (uint32 place = 0; place < kPlaces; place++) {
        const bool unused = block.scales[place] == kernel::kNoCentroid.scale &&
                            block.norms[place] == kernel::kNoCentroid.norm2 &&
                            block.squares[place] == 0;
        if (!block.complete || unused)
            continue;
        if (first_block + place >= walk->meta.page.list_capacity / kPlaces)
            report(walk->check, at, kNone, "centroid", "there is no block %u that has a centre",
                   first_block + place);
        else if (centroid_problem(block, place) != nullptr)
            report(walk->check, at, kNone, "centroid", "the centre of block %u: %s",
                   first_block + place, centroid_problem(block, place));
    }
}

using EndBlock = void (*)(Walk *walk, const CentroidBlock &block, uint32 first, BlockNumber at);

/// A sequence of tiles, for so many places. pages: how many it has.
static void
check_tiles(Walk *walk, BlockNumber first_page, uint32 pages, uint32 places, EndBlock end_block)
{
    const auto per_block = static_cast<uint32>(kernel::tiles_per_block(walk->meta.page.padded));
    const uint32 tiles = static_cast<uint32>(kernel::centroid_blocks(places)) * per_block;
    CentroidBlock block = {};
    for (uint32 i = 0; i < pages; i++) {
        const uint32 first = i * page::kTilesPerPage;
        const uint32 count = Min(page::kTilesPerPage, tiles - first);
        const bool sound = read_table_page(walk, first_page + i, page::Kind::centroids,
                                           page::kTilesOffset + count * kTile);
        for (uint32 k = 0; k < count; k++) {
            const uint32 number = (first + k) % per_block;
            if (sound)
                add_tile(&block, number, walk->page + page::kTilesOffset + k * kTile);
            else
                block.complete = false;
            if (number + 1 == per_block)
                end_block(walk, block, (first + k) / per_block * kPlaces, first_page + i);
        }
    }
}

void
check_centroids(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    check_tiles(walk, meta.first_centroids, meta.centroid_pages, meta.list_capacity,
                end_list_block);
    check_tiles(walk, meta.first_block_centres, meta.block_centre_pages,
                meta.list_capacity / kPlaces, end_centre_block);
}

// ---- directory

static const char *
entry_problem(const Walk *walk, const page::ListEntry &entry)
{
    const page::MetaPage &meta = walk->meta.page;
    const uint32 scan_end = meta.first_scan + meta.scan_pages;
    if ((entry.flags & ~(page::kFrozen | page::kVacant | page::kGivenUp)) != 0)
        return "the list has flags that do not exist";
    if ((entry.flags & page::kGivenUp) && entry.died == 0)
        return "a list that lives was given up";
    if (entry.died != 0 && entry.died <= entry.born)
        return "the list died before it was born";
    if ((entry.flags & page::kVacant) && (entry.run_pages > 0 || page::is_valid(entry.first)))
        return "a place without a list has slices";
    if (entry.run_pages > 0 && (entry.run_start < meta.first_scan || entry.run_start >= scan_end ||
                                entry.run_pages > scan_end - entry.run_start))
        return "the list's run lies outside the scan pages";
    if (!is_link(walk, entry.first) || !is_link(walk, entry.tail) || !is_link(walk, entry.free))
        return "a link leads out of the scan pages";
    if (page::is_valid(entry.first) != page::is_valid(entry.tail))
        return "the list's chain has only one end";
    return nullptr;
}

static void
check_entries(Walk *walk, BlockNumber block, uint32 first)
{
    const auto *entries =
        reinterpret_cast<const page::ListEntry *>(walk->page + page::kEntriesOffset);
    for (uint32 i = 0; i < page::kEntriesPerPage && first + i < walk->meta.page.lists; i++) {
        walk->entries[first + i] = entries[i];
        const char *problem = entry_problem(walk, entries[i]);
        walk->known[first + i] = problem == nullptr;
        if (problem != nullptr)
            report(walk->check, block, first + i, "directory", "%s", problem);
    }
}

void
check_directory(Walk *walk)
{
    const page::MetaPage &meta = walk->meta.page;
    for (uint32 i = 0; i < meta.directory_pages; i++) {
        const uint32 first = i * page::kEntriesPerPage;
        const uint32 count = Min(page::kEntriesPerPage, meta.list_capacity - first);
        const BlockNumber block = meta.first_directory + i;
        if (!read_table_page(walk, block, page::Kind::directory,
                             page::kEntriesOffset + count * sizeof(page::ListEntry)))
            continue;
        const auto *header = page::content<page::DirectoryPage>(walk->page);
        if (header->first_list != first || header->count != count) {
            report(walk->check, block, kNone, "directory",
                   "the page has lists %u and on, %u of them; expected %u and on, %u",
                   header->first_list, header->count, first, count);
            add(&walk->bad, block);
            continue;
        }
        check_entries(walk, block, first);
    }
}

const page::ListEntry *
entry_in(const Walk *walk, char *directory, uint32 list)
{
    const auto *header = page::content<page::DirectoryPage>(directory);
    const uint32 first = list / page::kEntriesPerPage * page::kEntriesPerPage;
    if (page_problem(directory, page::Kind::directory) != nullptr || header->first_list != first)
        ivfrabitq::report_corrupted(walk->check->index,
                                    ivfrabitq::directory_block(walk->meta, list),
                                    "not the directory page expected here");
    return reinterpret_cast<const page::ListEntry *>(directory + ivfrabitq::entry_offset(list));
}

} // namespace vx::check::rabitq
