// SPDX-License-Identifier: PostgreSQL
//
// assign_rows() in portable C++.
#include "kernel/centroid_tables.hpp"

#include <cmath>
#include <cstring>

namespace vx::kernel
{

namespace
{

/// Inserts into the sorted slots; among equals the one that came first stays first.
void
insert(BestSlots &best, std::size_t nearest, float score, std::int32_t list) noexcept
{
    std::size_t slot = nearest - 1;
    for (; slot > 0 && score < best.score[slot - 1]; slot--) {
        best.score[slot] = best.score[slot - 1];
        best.list[slot] = best.list[slot - 1];
    }
    best.score[slot] = score;
    best.list[slot] = list;
}

void
dots(const std::int8_t *codes, std::size_t padded, const std::uint8_t *tiles,
     std::int32_t *out) noexcept
{
    for (std::size_t t = 0; t < padded / 4; t++) {
        const std::int8_t *x = codes + 4 * t;
        const std::uint8_t *tile = tiles + t * kTileBytes;
        for (std::size_t j = 0; j < kBlockCentroids; j++)
            for (std::size_t i = 0; i < 4; i++)
                out[j] += tile[4 * j + i] * x[i];
    }
}

void
keep_nearest(const AssignChunk &chunk, const std::uint8_t *block, std::int32_t first_list) noexcept
{
    float scales[kBlockCentroids];
    float norms[kBlockCentroids];
    std::memcpy(scales, block + kScaleTile * kTileBytes, sizeof(scales));
    std::memcpy(norms, block + kNormTile * kTileBytes, sizeof(norms));
    for (std::size_t r = 0; r < chunk.rows; r++) {
        const RowFactors &factors = chunk.factors[r];
        std::int32_t sums[kBlockCentroids];
        for (std::int32_t &sum : sums)
            sum = -128 * factors.sum;
        dots(chunk.codes + r * chunk.padded, chunk.padded, block + kFactorTiles * kTileBytes, sums);
        BestSlots &best = chunk.best[r];
        for (std::size_t j = 0; j < kBlockCentroids; j++) {
            const float score =
                std::fma(-2.0f * factors.scale, float(sums[j]) * scales[j], norms[j]);
            if (score < best.score[chunk.nearest - 1])
                insert(best, chunk.nearest, score, first_list + std::int32_t(j));
        }
    }
}

} // namespace

const AssignKernels kScalarAssignKernels = {Isa::scalar, keep_nearest};

} // namespace vx::kernel
