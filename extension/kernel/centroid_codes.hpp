// SPDX-License-Identifier: PostgreSQL
//
// Centroids as int8 codes, and products with them.
//
// A centroid c (rotated, `padded` coordinates) is stored as c_i = scale * u_i, u_i in [-127, 127],
// scale per centroid. The dequantised value *is* the centre of its list: rows are encoded against
// it, so the distance of a query to it is known without error from an integer product, and no
// float32 centroid is stored anywhere.
//
// Layout: blocks of 64 centroids, each a sequence of tiles of 256 bytes:
//   tile 0      float scale[64]           0 for an unused place
//   tile 1      float norm2[64]           |c|^2; +infinity for an unused place
//   tile 2 + t  uint8 code[64][4]         u + 128 of coordinates 4 t .. 4 t + 3
// so a query's four coordinates, broadcast, multiply 16 centroids in one instruction, and no sum is
// ever reduced across lanes. Tiles of a block may lie on different pages.
//
// Integer sums: the same bits on every instruction set.
#pragma once

#include "kernel/distance.hpp"

#include <cstddef>
#include <cstdint>

namespace vx::kernel
{

constexpr std::size_t kBlockCentroids = 64;
constexpr std::size_t kTileBytes = 256;
constexpr std::size_t kFactorTiles = 2;

constexpr std::size_t kScaleTile = 0;
constexpr std::size_t kNormTile = 1;

constexpr std::size_t
tiles_per_block(std::size_t padded) noexcept
{
    return kFactorTiles + padded / 4;
}

constexpr std::size_t
centroid_blocks(std::size_t centroids) noexcept
{
    return (centroids + kBlockCentroids - 1) / kBlockCentroids;
}

/// Where things lie: the tile, counted over all blocks, ...
constexpr std::size_t
scale_tile(std::size_t centroid, std::size_t padded) noexcept
{
    return centroid / kBlockCentroids * tiles_per_block(padded) + kScaleTile;
}

constexpr std::size_t
norm_tile(std::size_t centroid, std::size_t padded) noexcept
{
    return centroid / kBlockCentroids * tiles_per_block(padded) + kNormTile;
}

/// ... of coordinates 4 quad .. 4 quad + 3, ...
constexpr std::size_t
code_tile(std::size_t centroid, std::size_t quad, std::size_t padded) noexcept
{
    return centroid / kBlockCentroids * tiles_per_block(padded) + kFactorTiles + quad;
}

/// ... and the byte in any of them where the centroid's four bytes begin.
constexpr std::size_t
place_in_tile(std::size_t centroid) noexcept
{
    return centroid % kBlockCentroids * 4;
}

/// codes[padded] = round(c / scale); returns the scale (0 for a zero vector). norm2: of the
/// dequantised values, at most a quarter of the largest float: only unused places are infinite.
float quantize_centroid(const float *centroid, std::size_t padded, std::int8_t *codes,
                        float *norm2) noexcept;

/// out[i] = scale * codes[i].
void dequantize_centroid(const std::int8_t *codes, float scale, std::size_t padded,
                         float *out) noexcept;

/// A centroid as it is stored, without its codes.
struct CentroidFactors {
    float scale;
    float norm2;
};

/// What an unused place holds; its codes are 128 each.
constexpr CentroidFactors kNoCentroid = {0.0f, __builtin_inff()};

/// Writes a centroid into its place. tile_at(i) returns the bytes of tile i, counted over all
/// blocks, as (std::uint8_t *); it is called once per tile, in rising order.
template <class TileAt>
inline void
put_centroid(std::size_t centroid, std::size_t padded, const std::int8_t *codes,
             const CentroidFactors &factors, TileAt &&tile_at)
{
    const std::size_t place = place_in_tile(centroid);
    __builtin_memcpy(tile_at(scale_tile(centroid, padded)) + place, &factors.scale, 4);
    __builtin_memcpy(tile_at(norm_tile(centroid, padded)) + place, &factors.norm2, 4);
    for (std::size_t quad = 0; quad < padded / 4; quad++) {
        std::uint8_t *out = tile_at(code_tile(centroid, quad, padded)) + place;
        for (std::size_t i = 0; i < 4; i++)
            out[i] = static_cast<std::uint8_t>(codes[4 * quad + i] + 128);
    }
}

/// Reads it back; tile_at may return (const std::uint8_t *).
template <class TileAt>
inline CentroidFactors
get_centroid(std::size_t centroid, std::size_t padded, TileAt &&tile_at, std::int8_t *codes)
{
    const std::size_t place = place_in_tile(centroid);
    CentroidFactors factors;
    __builtin_memcpy(&factors.scale, tile_at(scale_tile(centroid, padded)) + place, 4);
    __builtin_memcpy(&factors.norm2, tile_at(norm_tile(centroid, padded)) + place, 4);
    for (std::size_t quad = 0; quad < padded / 4; quad++) {
        const std::uint8_t *in = tile_at(code_tile(centroid, quad, padded)) + place;
        for (std::size_t i = 0; i < 4; i++)
            codes[4 * quad + i] = static_cast<std::int8_t>(in[i] - 128);
    }
    return factors;
}

/// Empties all places of blocks that lie in one piece: scale 0, norm2 infinite, codes 0.
void clear_centroids(std::uint8_t *tiles, std::size_t blocks, std::size_t padded) noexcept;

/// A vector in two planes of 7 bits: v_i = 128 high_i + low_i, vector ~ scale * v, low in [-64,
/// 63]. The scale is large enough for every <u, v> to fit in 32 bits, whatever the sums on the way.
struct PlaneQuery {
    const std::int8_t *high; // padded, aligned to 64
    const std::int8_t *low;
    float scale;
    float norm2;      // |vector|^2, of the float values
    std::int32_t sum; // of v_i
    std::uint32_t padded;
};

void make_plane_query(const float *vector, std::size_t padded, std::int8_t *high, std::int8_t *low,
                      PlaneQuery *out) noexcept;

struct CentroidKernels {
    Isa isa;

    /// sums[j] += sum over `count` code tiles of (u + 128) v, for the 64 centroids of a block,
    /// modulo 2^32; the tiles' first coordinate is first_coordinate.
    void (*add_tiles)(const PlaneQuery &query, const std::uint8_t *tiles, std::size_t count,
                      std::size_t first_coordinate, std::int32_t *sums) noexcept;

    /// <c_j, q> of a block from its sums and its tile of scales: products[64] =
    /// (query.scale * scales[j]) * float(sums[j] - 128 query.sum).
    void (*finish_products)(const PlaneQuery &query, const std::int32_t *sums, const float *scales,
                            float *products) noexcept;
};

/// |q - c|^2 from a product, never below 0; the order of operations is part of the contract.
inline float
centroid_distance(const PlaneQuery &query, float product, float norm2) noexcept
{
    const float distance = (query.norm2 + norm2) - 2.0f * product;
    return distance > 0.0f ? distance : 0.0f;
}

const CentroidKernels &centroid_kernels() noexcept;

/// A particular set, or nullptr where the processor lacks it. AVX-512 is with VNNI where there is
/// that; vnni = false gives the other one all the same. For tests and benchmarks.
const CentroidKernels *centroid_kernels_for(Isa isa, bool vnni = true) noexcept;

} // namespace vx::kernel
