// SPDX-License-Identifier: PostgreSQL
//
// near_masks() against the scores of its codes, one by one.
#include "kernel/near_masks.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace vx::kernel
{

namespace
{

struct Case {
    std::size_t padded;
    std::size_t rows;
    std::size_t places; // used
    double share;       // of pairs below the limit, about
};

void
check(const Case &c)
{
    std::mt19937 random(unsigned(c.padded + c.rows));
    std::normal_distribution<float> normal;
    const auto vectors = [&](std::size_t count) {
        std::vector<float> out(count * c.padded);
        for (float &x : out)
            x = normal(random);
        return out;
    };
    const std::vector<float> rows = vectors(c.rows);
    const std::vector<float> queries = vectors(c.places);

    std::vector<std::uint8_t> block(tiles_per_block(c.padded) * kTileBytes + 64);
    std::uint8_t *tiles = block.data() + (64 - reinterpret_cast<std::uintptr_t>(block.data()) % 64);
    clear_centroids(tiles, 1, c.padded);
    std::vector<std::int8_t> query_codes(c.places * c.padded);
    std::vector<CentroidFactors> factors(c.places);
    for (std::size_t j = 0; j < c.places; j++) {
        std::int8_t *codes = query_codes.data() + j * c.padded;
        factors[j].scale =
            quantize_centroid(&queries[j * c.padded], c.padded, codes, &factors[j].norm2);
        put_centroid(j, c.padded, codes, factors[j],
                     [&](std::size_t tile) { return tiles + tile * kTileBytes; });
    }
    std::vector<std::int8_t> codes(c.rows * c.padded);
    std::vector<RowFactors> row_factors(c.rows);
    quantize_rows(rows.data(), c.rows, c.padded, codes.data(), row_factors.data());

    std::vector<std::vector<float>> scores(c.rows, std::vector<float>(c.places));
    std::vector<float> limits(c.rows);
    for (std::size_t r = 0; r < c.rows; r++) {
        for (std::size_t j = 0; j < c.places; j++) {
            std::int32_t dot = 0;
            for (std::size_t i = 0; i < c.padded; i++)
                dot += codes[r * c.padded + i] * query_codes[j * c.padded + i];
            scores[r][j] = std::fma(-2.0f * row_factors[r].scale, float(dot) * factors[j].scale,
                                    factors[j].norm2);
        }
        std::vector<float> sorted = scores[r];
        std::sort(sorted.begin(), sorted.end());
        limits[r] = sorted[std::min(c.places - 1, std::size_t(c.share * double(c.places)))];
    }

    std::vector<std::uint64_t> masks(c.rows);
    near_masks(codes.data(), row_factors.data(), c.rows, c.padded, tiles, limits.data(),
               masks.data());
    for (std::size_t r = 0; r < c.rows; r++) {
        std::uint64_t expected = 0;
        for (std::size_t j = 0; j < c.places; j++)
            expected |= std::uint64_t{scores[r][j] < limits[r]} << j;
        EXPECT_EQ(masks[r] & expected, expected) << "row " << r;
        if (__builtin_popcountll(expected) < 16) {
            EXPECT_EQ(masks[r], expected) << "row " << r;
        }
    }
}

TEST(NearMasks, AreTheScoresBelowTheLimit)
{
    for (const std::size_t padded : {64, 128, 384})
        for (const std::size_t rows : {1, 7, 50, int(kNearRows)})
            for (const double share : {0.0, 0.05, 0.2})
                check({padded, rows, 64, share});
    check({128, 20, 10, 0.1});
}

TEST(NearMasks, ManyOfARowAreAll)
{
    check({64, 30, 64, 0.9});
}

} // namespace

} // namespace vx::kernel
