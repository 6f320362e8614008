// SPDX-License-Identifier: PostgreSQL
//
// Reading centroids. Their pages are read under a pin alone: a place that a list uses never changes
// (page.hpp), and what a split writes into other places meanwhile is not looked at.
#include "pg/postgres.hpp"

#include "index/common/prefetch.hpp"
#include "index/ivfrabitq/lists.hpp"

extern "C" {
#include "miscadmin.h"
}

#include <limits>

namespace vx::ivfrabitq
{

constexpr float kFar = std::numeric_limits<float>::infinity();
constexpr auto kPlaces = static_cast<uint32>(kernel::kBlockCentroids);
constexpr auto kTile = static_cast<uint32>(kernel::kTileBytes);

/// One block of centroids under way: its tiles may lie on several pages.
struct BlockProducts {
    alignas(64) int32 sums[kPlaces];
    alignas(64) float scales[kPlaces];
    alignas(64) float norms[kPlaces];
    uint32 tile; // the next
};

static Page
check_centroid_page(Relation index, Buffer buffer)
{
    Page page = BufferGetPage(buffer);
    if (!page::has_kind(page, page::Kind::centroids))
        report_corrupted(index, BufferGetBlockNumber(buffer), "not a page of centroids");
    return page;
}

/// The beginnings of its two parts of 4 kB, which the processor's own prefetching does not foresee,
/// and its end, which is checked.
static void
prefetch_page(Buffer buffer)
{
    const char *page = BufferGetPage(buffer);
    index::fetch_ahead<8>(page);
    index::fetch_ahead<8>(page + BLCKSZ / 2);
    index::fetch_ahead<1>(page + page::kContentEnd);
}

/// Adds up to `count` tiles to the block. Returns how many belonged to it.
static uint32
add_to_block(const kernel::PlaneQuery &query, const char *tiles, uint32 count, uint32 per_block,
             BlockProducts *block)
{
    if (block->tile == 0) {
        memset(block->sums, 0, sizeof(block->sums));
        memcpy(block->scales, tiles, kTile);
        block->tile = 1;
        return 1;
    }
    if (block->tile == 1) {
        memcpy(block->norms, tiles, kTile);
        block->tile = 2;
        return 1;
    }
    const uint32 taken = Min(count, per_block - block->tile);
    const auto factor_tiles = static_cast<uint32>(kernel::kFactorTiles);
    kernel::centroid_kernels().add_tiles(query, reinterpret_cast<const uint8 *>(tiles), taken,
                                         Size{4} * (block->tile - factor_tiles), block->sums);
    block->tile += taken;
    return taken;
}

static void
finish_block(const Meta &meta, const kernel::PlaneQuery &query, const BlockProducts &block,
             float *out, float *squared)
{
    alignas(64) float products[kPlaces];
    kernel::centroid_kernels().finish_products(query, block.sums, block.scales, products);
    if (meta.code_metric() == kernel::CodeMetric::inner_product) {
        for (uint32 i = 0; i < kPlaces; i++)
            out[i] = -products[i];
    } else {
        for (uint32 i = 0; i < kPlaces; i++)
            out[i] = kernel::centroid_distance(query, products[i], block.norms[i]);
    }
    if (squared != nullptr)
        for (uint32 i = 0; i < kPlaces; i++)
            squared[i] = kernel::centroid_distance(query, products[i], block.norms[i]);
}

/// Places that no list uses, in this version of the structure, are infinitely far away.
static void
hide_unused(Relation index, const Meta &meta, float *out)
{
    for (uint32 i = meta.page.lists; i % kPlaces != 0; i++)
        out[i] = kFar;
    const DirectoryCache *directory = read_directory(index, meta);
    for (uint32 i = 0; i < directory->unused_count; i++)
        out[directory->unused[i]] = kFar;
}

void
list_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query, float *out,
               float *squared)
{
    const auto per_block = static_cast<uint32>(kernel::tiles_per_block(meta.page.padded));
    const uint32 tiles = (meta.page.lists + kPlaces - 1) / kPlaces * per_block;
    const uint32 pages = (tiles + page::kTilesPerPage - 1) / page::kTilesPerPage;
    BlockProducts block;
    block.tile = 0;
    uint32 list = 0;

    Buffer next = read_page(index, meta.page.first_centroids);
    for (uint32 i = 0; i < pages; i++) {
        CHECK_FOR_INTERRUPTS();
        Buffer buffer = next;
        if (i + 1 < pages) {
            next = read_page(index, meta.page.first_centroids + i + 1);
            prefetch_page(next);
        }
        const char *tile = check_centroid_page(index, buffer) + page::kTilesOffset;
        uint32 left = Min(page::kTilesPerPage, tiles - i * page::kTilesPerPage);
        while (left > 0) {
            const uint32 taken = add_to_block(query, tile, left, per_block, &block);
            tile += taken * kTile;
            left -= taken;
            if (block.tile == per_block) {
                finish_block(meta, query, block, out + list,
                             squared != nullptr ? squared + list : nullptr);
                list += kPlaces;
                block.tile = 0;
            }
        }
        ReleaseBuffer(buffer);
    }
    hide_unused(index, meta, out);
    if (squared != nullptr)
        hide_unused(index, meta, squared);
}

void
read_centroid(Relation index, const Meta &meta, uint32 list, int8 *codes, float *scale)
{
    const auto per_block = static_cast<uint32>(kernel::tiles_per_block(meta.page.padded));
    const uint32 first = list / kPlaces * per_block;
    const uint32 place = list % kPlaces;
    Buffer buffer = InvalidBuffer;
    Page page = nullptr;

    for (uint32 tile = 0; tile < per_block; tile++) {
        const uint32 on_page = (first + tile) % page::kTilesPerPage;
        if (page == nullptr || on_page == 0) {
            if (page != nullptr)
                ReleaseBuffer(buffer);
            buffer =
                read_page(index, meta.page.first_centroids + (first + tile) / page::kTilesPerPage);
            page = check_centroid_page(index, buffer);
        }
        const char *start = page + page::kTilesOffset + on_page * kTile;
        if (tile == 0)
            memcpy(scale, start + place * sizeof(float), sizeof(float));
        else if (tile >= kernel::kFactorTiles)
            for (uint32 i = 0; i < 4; i++)
                *codes++ = static_cast<int8>(
                    static_cast<int>(static_cast<uint8>(start[place * 4 + i])) - 128);
    }
    ReleaseBuffer(buffer);
}

} // namespace vx::ivfrabitq
