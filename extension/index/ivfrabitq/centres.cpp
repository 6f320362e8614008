// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/centres.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

#include "kernel/assign.hpp"

#include <limits>

namespace vx::ivfrabitq
{

constexpr Size kAlignment = 64;

/// Multiplications between checks for interrupts: some milliseconds.
constexpr uint64 kPieceWork = 256 * 1024 * 1024;

static Size
block_bytes(uint32 padded)
{
    return kernel::tiles_per_block(padded) * kernel::kTileBytes;
}

static Size
blocks_bytes(uint32 capacity, uint32 padded)
{
    return mul_size(capacity / kernel::kBlockCentroids, block_bytes(padded));
}

Size
centroids_bytes(uint32 lists, uint32 capacity, uint32 padded)
{
    const Size codes = mul_size(lists, padded + sizeof(float));
    return add_size(add_size(kAlignment, codes), blocks_bytes(capacity, padded));
}

void
place_centroids(Centroids *out, uint32 lists, uint32 capacity, uint32 padded, void *memory)
{
    out->lists = lists;
    out->capacity = capacity;
    out->padded = padded;
    out->blocks = reinterpret_cast<uint8 *>(TYPEALIGN(kAlignment, memory));
    out->scales = reinterpret_cast<float *>(out->blocks + blocks_bytes(out->capacity, padded));
    out->codes = reinterpret_cast<int8 *>(out->scales + lists);
}

/// Place `place` of a block: its factors, and its codes in the tiles of four coordinates.
static void
put_centroid(uint8 *block, uint32 place, const int8 *codes, uint32 padded, float scale, float norm2)
{
    reinterpret_cast<float *>(block)[place] = scale;
    reinterpret_cast<float *>(block + kernel::kTileBytes)[place] = norm2;
    uint8 *tile = block + kernel::kFactorTiles * kernel::kTileBytes + 4 * place;
    for (uint32 i = 0; i < padded; i += 4, tile += kernel::kTileBytes)
        for (uint32 j = 0; j < 4; j++)
            tile[j] = static_cast<uint8>((codes != nullptr ? codes[i + j] : 0) + 128);
}

void
quantize_centroids(const float *centroids, const bool *vacant, Centroids *out)
{
    const Size n = out->padded;
    for (uint32 place = 0; place < out->capacity; place++) {
        CHECK_FOR_INTERRUPTS();
        const auto in_block = static_cast<uint32>(place % kernel::kBlockCentroids);
        uint8 *block = out->blocks + place / kernel::kBlockCentroids * block_bytes(out->padded);
        if (place >= out->lists || (vacant != nullptr && vacant[place])) {
            if (place < out->lists) {
                out->scales[place] = 0;
                memset(out->codes + place * n, 0, n);
            }
            put_centroid(block, in_block, nullptr, out->padded, 0,
                         std::numeric_limits<float>::infinity());
            continue;
        }
        int8 *codes = out->codes + place * n;
        float norm2;
        out->scales[place] = kernel::quantize_centroid(centroids + place * n, n, codes, &norm2);
        put_centroid(block, in_block, codes, out->padded, out->scales[place], norm2);
    }
}

void
make_assigner(const Centroids *centroids, uint32 nearest, uint32 batch, RowAssigner *out)
{
    const uint64 row_work = static_cast<uint64>(centroids->capacity) * centroids->padded;
    out->centroids = centroids;
    out->nearest = nearest;
    out->batch = batch;
    out->piece = static_cast<uint32>(Max(kPieceWork / row_work, uint64{1}));
    out->lists = static_cast<int32 *>(palloc(batch * nearest * sizeof(int32)));
    out->distances = static_cast<float *>(palloc(batch * nearest * sizeof(float)));
    out->memory = palloc(kernel::assign_workspace(centroids->padded) + kAlignment);
    out->workspace = reinterpret_cast<void *>(TYPEALIGN(kAlignment, out->memory));
}

void
free_assigner(RowAssigner *assigner)
{
    pfree(assigner->lists);
    pfree(assigner->distances);
    pfree(assigner->memory);
}

void
assign_batch(RowAssigner *assigner, const float *rows, uint32 count)
{
    const Centroids &centroids = *assigner->centroids;
    for (uint32 first = 0; first < count; first += assigner->piece) {
        CHECK_FOR_INTERRUPTS();
        const Size out = static_cast<Size>(first) * assigner->nearest;
        kernel::assign_rows(rows + static_cast<Size>(first) * centroids.padded,
                            Min(assigner->piece, count - first), centroids.padded, centroids.blocks,
                            centroids.lists, assigner->nearest, assigner->workspace,
                            assigner->lists + out, assigner->distances + out);
    }
}

} // namespace vx::ivfrabitq
