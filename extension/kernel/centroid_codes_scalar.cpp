// SPDX-License-Identifier: PostgreSQL
//
// Products with centroid codes in portable C++: what the other instruction sets are compared with.
#include "kernel/centroid_tables.hpp"

namespace vx::kernel
{

namespace
{

void
add_tiles(const PlaneQuery &query, const std::uint8_t *tiles, std::size_t count,
          std::size_t first_coordinate, std::int32_t *sums) noexcept
{
    for (std::size_t t = 0; t < count; t++) {
        std::int32_t v[4];
        for (std::size_t i = 0; i < 4; i++) {
            const std::size_t coordinate = first_coordinate + 4 * t + i;
            v[i] = 128 * query.high[coordinate] + query.low[coordinate];
        }
        const std::uint8_t *tile = tiles + t * kTileBytes;
        for (std::size_t j = 0; j < kBlockCentroids; j++) {
            const std::uint8_t *u = tile + 4 * j;
            const std::int32_t sum = u[0] * v[0] + u[1] * v[1] + u[2] * v[2] + u[3] * v[3];
            sums[j] = std::int32_t(std::uint32_t(sums[j]) + std::uint32_t(sum));
        }
    }
}

void
finish_products(const PlaneQuery &query, const std::int32_t *sums, const float *scales,
                float *products) noexcept
{
    const std::uint32_t bias = 128u * std::uint32_t(query.sum);
    for (std::size_t j = 0; j < kBlockCentroids; j++)
        products[j] =
            (query.scale * scales[j]) * float(std::int32_t(std::uint32_t(sums[j]) - bias));
}

} // namespace

const CentroidKernels kScalarCentroidKernels = {Isa::scalar, add_tiles, finish_products};

} // namespace vx::kernel
