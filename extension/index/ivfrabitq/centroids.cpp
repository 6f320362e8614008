// SPDX-License-Identifier: PostgreSQL
//
// Reading centroids. Their pages are read under a pin alone: a place that a list uses never changes
// (page.hpp), and what a split writes into other places meanwhile is not looked at.
#include "pg/postgres.hpp"

#include "index/common/index_cache.hpp"
#include "index/common/prefetch.hpp"
#include "index/ivfrabitq/lists.hpp"

extern "C" {
#include "miscadmin.h"
}

#include <cmath>
#include <limits>

namespace vx::ivfrabitq
{

constexpr float kFar = std::numeric_limits<float>::infinity();
constexpr auto kPlaces = static_cast<uint32>(kernel::kBlockCentroids);
constexpr auto kTile = static_cast<uint32>(kernel::kTileBytes);

/// Tiles that are computed with between two parts of the next page's being fetched.
constexpr uint32 kPiece = 8;

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

/// A sequence of tiles and which blocks of it are read.
struct TileReader {
    Relation index;
    const Meta *meta;
    BlockNumber first_page;
    const uint32 *blocks; // nullptr: 0, 1, ...
    uint32 count;
    uint32 per_block;      // tiles
    BlockNumber last_page; // of the first `count` blocks
    Buffer buffer;
    BlockNumber page; // in buffer
    Buffer next_buffer;
    BlockNumber next_page;
    const char *ahead; // tiles of the next page that are still to be fetched
    uint32 ahead_tiles;
};

static uint32
number_of(const TileReader &reader, uint32 i)
{
    return reader.blocks != nullptr ? reader.blocks[i] : i;
}

/// The page of a block's tile, counted from the first.
static BlockNumber
page_of(const TileReader &reader, uint32 i, uint32 tile)
{
    return (number_of(reader, i) * uint64{reader.per_block} + tile) / page::kTilesPerPage;
}

static uint32
on_page(const TileReader &reader, uint32 i, uint32 tile)
{
    return static_cast<uint32>((number_of(reader, i) * uint64{reader.per_block} + tile) %
                               page::kTilesPerPage);
}

/// Where reading goes on after a page: the next one, and the first tile wanted there.
struct NextPage {
    BlockNumber page; // InvalidBlockNumber: nowhere
    uint32 i;         // the tile's block
    uint32 tile;      // on the page
};

static NextPage
page_after(const TileReader &reader, uint32 i, BlockNumber page)
{
    if (reader.blocks == nullptr)
        return {page < reader.last_page ? page + 1 : InvalidBlockNumber, i, 0};
    while (page_of(reader, i, reader.per_block - 1) == page) {
        if (++i == reader.count)
            return {InvalidBlockNumber, i, 0};
        if (page_of(reader, i, 0) != page)
            return {page_of(reader, i, 0), i, on_page(reader, i, 0)};
    }
    return {page + 1, i, 0};
}

/// The beginnings of its two parts of 4 kB, which the processor's own prefetching does not foresee,
/// and its end, which is checked.
static void
prefetch_page(const char *page)
{
    index::fetch_ahead<8>(page);
    index::fetch_ahead<8>(page + BLCKSZ / 2);
    index::fetch_ahead<1>(page + page::kContentEnd);
}

/// Chosen blocks lie anywhere: all that is wanted of the next page will be fetched while this one
/// is computed with. Of the one after that, where this backend saw it last, what is checked and the
/// address translations.
static void
look_ahead(TileReader *reader, const NextPage &next)
{
    const char *page = BufferGetPage(reader->next_buffer);
    const uint64 end = (number_of(*reader, next.i) + uint64{1}) * reader->per_block;
    const uint64 first = uint64{next.page} * page::kTilesPerPage + next.tile;
    reader->ahead = page + page::kTilesOffset + next.tile * kTile;
    reader->ahead_tiles =
        static_cast<uint32>(Min(uint64{page::kTilesPerPage - next.tile}, end - first));
    const NextPage after = page_after(*reader, next.i, next.page);
    if (after.page == InvalidBlockNumber)
        return;
    const char *expected = index::expect_page(reader->index, reader->first_page + after.page);
    if (expected == nullptr)
        return;
    index::fetch_ahead<1>(expected);
    index::fetch_ahead<1>(expected + page::kTilesOffset + after.tile * kTile);
    index::fetch_ahead<1>(expected + page::kContentEnd);
}

/// Fetches as large a part of what is wanted of the next page as `piece` is of `left`.
static void
fetch_part(TileReader *reader, uint32 piece, uint32 left)
{
    const uint32 tiles = (reader->ahead_tiles * piece + left - 1) / left;
    for (uint32 i = 0; i < tiles; i++, reader->ahead += kTile)
        index::fetch_ahead<kTile / page::kCacheLine>(reader->ahead);
    reader->ahead_tiles -= tiles;
}

/// Goes on to that page and fetches the one after it. i: the block under way.
static void
turn_page(TileReader *reader, uint32 i, BlockNumber page)
{
    CHECK_FOR_INTERRUPTS();
    if (BufferIsValid(reader->buffer))
        ReleaseBuffer(reader->buffer);
    reader->buffer = BufferIsValid(reader->next_buffer)
                         ? reader->next_buffer
                         : read_page(reader->index, reader->first_page + page);
    Assert(!BufferIsValid(reader->next_buffer) || reader->next_page == page);
    reader->page = page;
    reader->next_buffer = InvalidBuffer;
    reader->ahead_tiles = 0;
    const NextPage next = page_after(*reader, i, page);
    reader->next_page = next.page;
    if (next.page != InvalidBlockNumber) {
        reader->next_buffer = read_page(reader->index, reader->first_page + next.page);
        if (reader->blocks == nullptr)
            prefetch_page(BufferGetPage(reader->next_buffer));
        else
            look_ahead(reader, next);
    }
    check_centroid_page(reader->index, reader->buffer);
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

/// 64 numbers per block into out, and squared if there is one.
static void
read_blocks(TileReader *reader, const kernel::PlaneQuery &query, float *out, float *squared)
{
    BlockProducts block;
    for (uint32 i = 0; i < reader->count; i++) {
        block.tile = 0;
        BlockNumber page = page_of(*reader, i, 0);
        for (uint32 at = on_page(*reader, i, 0); block.tile < reader->per_block; at = 0, page++) {
            if (!BufferIsValid(reader->buffer) || reader->page != page)
                turn_page(reader, i, page);
            const char *tile = BufferGetPage(reader->buffer) + page::kTilesOffset + at * kTile;
            for (uint32 left = Min(page::kTilesPerPage - at, reader->per_block - block.tile);
                 left > 0;) {
                const uint32 piece = reader->ahead_tiles > 0 ? Min(left, kPiece) : left;
                if (reader->ahead_tiles > 0)
                    fetch_part(reader, piece, left);
                const uint32 taken = add_to_block(query, tile, piece, reader->per_block, &block);
                tile += taken * kTile;
                left -= taken;
            }
        }
        finish_block(*reader->meta, query, block, out + Size{i} * kPlaces,
                     squared != nullptr ? squared + Size{i} * kPlaces : nullptr);
    }
    if (BufferIsValid(reader->buffer))
        ReleaseBuffer(reader->buffer);
}

static TileReader
begin_reading(Relation index, const Meta &meta, BlockNumber first_page, const uint32 *blocks,
              uint32 count)
{
    TileReader reader = {};
    reader.index = index;
    reader.meta = &meta;
    reader.first_page = first_page;
    reader.blocks = blocks;
    reader.count = count;
    reader.per_block = static_cast<uint32>(kernel::tiles_per_block(meta.page.padded));
    reader.last_page =
        static_cast<BlockNumber>((uint64{count} * reader.per_block - 1) / page::kTilesPerPage);
    return reader;
}

/// Places that no list uses, in this version of the structure, are infinitely far away.
static void
hide_unused(Relation index, const Meta &meta, const uint32 *blocks, uint32 count, float *out)
{
    const DirectoryCache *directory = read_directory(index, meta);
    if (blocks == nullptr) {
        for (uint32 i = meta.page.lists; i % kPlaces != 0; i++)
            out[i] = kFar;
        for (uint32 i = 0; i < directory->unused_count; i++)
            out[directory->unused[i]] = kFar;
        return;
    }
    for (uint32 i = 0; i < count; i++, out += kPlaces) {
        const uint32 first = blocks[i] * kPlaces;
        for (uint32 place = meta.page.lists; place < first + kPlaces; place++)
            out[place - first] = kFar;
        for (uint32 k = directory->unused_before[blocks[i]];
             k < directory->unused_before[blocks[i] + 1]; k++)
            out[directory->unused[k] - first] = kFar;
    }
}

void
list_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query,
               const uint32 *blocks, uint32 count, float *out, float *squared)
{
    TileReader reader = begin_reading(index, meta, meta.page.first_centroids, blocks, count);
    read_blocks(&reader, query, out, squared);
    hide_unused(index, meta, blocks, count, out);
    if (squared != nullptr)
        hide_unused(index, meta, blocks, count, squared);
}

uint32
block_distances(Relation index, const Meta &meta, const kernel::PlaneQuery &query, float *out,
                float *squared)
{
    const uint32 count = list_blocks(meta);
    TileReader reader = begin_reading(index, meta, meta.page.first_block_centres, nullptr,
                                      static_cast<uint32>(kernel::centroid_blocks(count)));
    read_blocks(&reader, query, out, squared);
    uint32 without = 0;
    for (uint32 i = 0; i < count; i++)
        if (!std::isfinite(squared[i]) || !std::isfinite(out[i])) { // or a damaged page
            out[i] = -kFar;
            without++;
        }
    return without;
}

void
read_block_centres(Relation index, const Meta &meta, uint8 *tiles)
{
    const Size count =
        kernel::centroid_blocks(list_blocks(meta)) * kernel::tiles_per_block(meta.page.padded);
    for (Size first = 0; first < count; first += page::kTilesPerPage) {
        CHECK_FOR_INTERRUPTS();
        const auto page = static_cast<BlockNumber>(first / page::kTilesPerPage);
        Buffer buffer = read_page(index, meta.page.first_block_centres + page);
        memcpy(tiles + first * kTile, check_centroid_page(index, buffer) + page::kTilesOffset,
               Min(Size{page::kTilesPerPage}, count - first) * kTile);
        ReleaseBuffer(buffer);
    }
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
