// SPDX-License-Identifier: PostgreSQL
//
// Centroids as codes: quantising, places in tiles, products on every instruction set against exact
// integer arithmetic.
#include "kernel/centroid_codes.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace
{

using namespace vx::kernel;

using Floats = std::vector<float>;
using Codes = std::vector<std::int8_t>;

Floats
gaussian(std::size_t count, std::uint32_t seed, float scale = 1)
{
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    Floats x(count);
    for (float &value : x)
        value = normal(random) * scale;
    return x;
}

/// A query with its planes, aligned as the kernels want them.
struct Query {
    explicit Query(const Floats &vector) : planes(2 * vector.size() + 64), padded(vector.size())
    {
        auto address = reinterpret_cast<std::uintptr_t>(planes.data());
        auto *high = planes.data() + (64 - address % 64) % 64;
        make_plane_query(vector.data(), padded, high, high + padded, &query);
    }

    std::int64_t value(std::size_t i) const
    {
        return std::int64_t(query.high[i]) * 128 + query.low[i];
    }

    std::vector<std::int8_t> planes;
    std::size_t padded;
    PlaneQuery query;
};

/// Blocks of tiles in one piece, aligned to 64.
struct Blocks {
    Blocks(std::size_t centroids, std::size_t padded_)
        : padded(padded_),
          memory(centroid_blocks(centroids) * tiles_per_block(padded_) * kTileBytes + 64)
    {
        auto address = reinterpret_cast<std::uintptr_t>(memory.data());
        tiles = memory.data() + (64 - address % 64) % 64;
        clear_centroids(tiles, centroid_blocks(centroids), padded);
    }

    std::uint8_t *operator()(std::size_t tile) const { return tiles + tile * kTileBytes; }

    std::size_t padded;
    std::vector<std::uint8_t> memory;
    std::uint8_t *tiles;
};

TEST(CentroidCodes, AreTheNearestMultiplesOfTheirScale)
{
    for (std::size_t padded : {64, 128, 16000})
        for (float size : {1e-15f, 1e-3f, 1.0f, 1e15f}) {
            const Floats c = gaussian(padded, 1, size);
            Codes codes(padded);
            Floats back(padded);
            float norm2 = 0;
            const float scale = quantize_centroid(c.data(), padded, codes.data(), &norm2);
            dequantize_centroid(codes.data(), scale, padded, back.data());
            double square = 0;
            for (std::size_t i = 0; i < padded; i++) {
                EXPECT_LE(std::fabs(c[i] - back[i]), 0.5001f * scale);
                square += double(back[i]) * double(back[i]);
            }
            EXPECT_NEAR(norm2, square, 1e-5 * square);
        }
}

TEST(CentroidCodes, ZeroAndExtremeCentroids)
{
    Codes codes(64, 7);
    float norm2 = 1;
    EXPECT_EQ(0.0f, quantize_centroid(Floats(64).data(), 64, codes.data(), &norm2));
    EXPECT_EQ(0.0f, norm2);
    EXPECT_EQ(Codes(64), codes);
    for (float x : {std::numeric_limits<float>::max(), 1e-44f, -3e-42f}) {
        EXPECT_TRUE(
            std::isfinite(quantize_centroid(Floats(64, x).data(), 64, codes.data(), &norm2)));
        EXPECT_TRUE(std::isfinite(norm2));
        for (int code : codes)
            EXPECT_LE(std::abs(code), 127);
    }
}

TEST(CentroidCodes, PlacesHoldWhatWasPut)
{
    const std::size_t padded = 192;
    const std::size_t count = 150;
    const Blocks blocks(count, padded);
    std::mt19937 random(5);
    std::vector<Codes> all(count, Codes(padded));
    for (std::size_t c = 0; c < count; c++) {
        for (std::int8_t &code : all[c])
            code = std::int8_t(int(random() % 255) - 127);
        put_centroid(c, padded, all[c].data(), {float(c), float(2 * c)}, blocks);
    }
    Codes codes(padded);
    for (std::size_t c = 0; c < count; c++) {
        const CentroidFactors factors = get_centroid(c, padded, blocks, codes.data());
        EXPECT_EQ(all[c], codes);
        EXPECT_EQ(float(c), factors.scale);
        EXPECT_EQ(float(2 * c), factors.norm2);
    }
    const CentroidFactors unused = get_centroid(count, padded, blocks, codes.data());
    EXPECT_EQ(0.0f, unused.scale);
    EXPECT_EQ(std::numeric_limits<float>::infinity(), unused.norm2);
    EXPECT_EQ(Codes(padded), codes);
}

TEST(PlaneQueries, AreTheVectorWithin)
{
    for (std::size_t padded : {64, 1024, 16000})
        for (float size : {0.0f, 1e-30f, 1e-20f, 1.0f, 1e20f, 3e37f}) {
            const Floats x = gaussian(padded, 2, size);
            const Query q(x);
            std::int64_t sum = 0;
            for (std::size_t i = 0; i < padded; i++) {
                ASSERT_GE(q.query.low[i], -64);
                ASSERT_LE(q.query.low[i], 63);
                sum += q.value(i);
                ASSERT_LE(std::fabs(double(x[i]) - double(q.query.scale) * double(q.value(i))),
                          0.501 * double(q.query.scale));
            }
            EXPECT_EQ(sum, q.query.sum);
            EXPECT_TRUE(std::isfinite(q.query.norm2));
        }
}

struct Path {
    const char *name;
    Isa isa;
    bool vnni;
};

const Path kPaths[] = {{"scalar", Isa::scalar, false},
                       {"avx2", Isa::avx2, false},
                       {"avx512", Isa::avx512, false},
                       {"avx512vnni", Isa::avx512, true}};

class CentroidKernelsTest : public testing::TestWithParam<Path>
{
  protected:
    void SetUp() override
    {
        kernels_ = centroid_kernels_for(GetParam().isa, GetParam().vnni);
        if (kernels_ == nullptr)
            GTEST_SKIP() << "this processor has no " << GetParam().name;
    }

    /// Products of a query with a full block, tiles given in pieces of `piece`, are those that 64
    /// bits give.
    void expect_exact(const Query &q, const Blocks &blocks, std::size_t piece)
    {
        const std::size_t quads = q.padded / 4;
        alignas(64) std::int32_t sums[kBlockCentroids] = {};
        for (std::size_t t = 0; t < quads; t += piece)
            kernels_->add_tiles(q.query, blocks(kFactorTiles + t), std::min(piece, quads - t),
                                4 * t, sums);
        alignas(64) float products[kBlockCentroids];
        kernels_->finish_products(q.query, sums, reinterpret_cast<float *>(blocks(kScaleTile)),
                                  products);
        Codes codes(q.padded);
        for (std::size_t c = 0; c < kBlockCentroids; c++) {
            const float scale = get_centroid(c, q.padded, blocks, codes.data()).scale;
            std::int64_t exact = 0;
            for (std::size_t i = 0; i < q.padded; i++)
                exact += q.value(i) * codes[i];
            ASSERT_LE(std::llabs(exact), std::numeric_limits<std::int32_t>::max());
            ASSERT_EQ((q.query.scale * scale) * float(exact), products[c]) << "centroid " << c;
        }
    }

    const CentroidKernels *kernels_ = nullptr;
};

TEST_P(CentroidKernelsTest, ProductsAreExact)
{
    for (std::size_t padded : {64, 128, 448, 1024, 16000}) {
        const Blocks blocks(kBlockCentroids, padded);
        std::mt19937 random(9);
        Codes codes(padded);
        for (std::size_t c = 0; c < 61; c++) { // three places stay empty
            for (std::int8_t &code : codes)
                code = std::int8_t(int(random() % 255) - 127);
            put_centroid(c, padded, codes.data(), {1.0f + float(c), 1.0f}, blocks);
        }
        const Query q(gaussian(padded, 10, 3));
        for (std::size_t piece : {1, 7, 29, 100000})
            expect_exact(q, blocks, piece);
    }
}

TEST_P(CentroidKernelsTest, NothingSaturates)
{
    for (std::size_t padded : {64, 1088, 16000})
        for (float sign : {1.0f, -1.0f}) {
            const Blocks blocks(kBlockCentroids, padded);
            for (std::size_t c = 0; c < kBlockCentroids; c++)
                put_centroid(c, padded, Codes(padded, c % 2 == 0 ? 127 : -127).data(), {0.5f, 1.0f},
                             blocks);
            expect_exact(Query(Floats(padded, sign * 2.0f)), blocks, 29);
            Floats mixed(padded, sign * 2.0f);
            for (std::size_t i = 0; i < padded; i += 3)
                mixed[i] = -mixed[i] * 0.99f;
            expect_exact(Query(mixed), blocks, 29);
        }
}

TEST_P(CentroidKernelsTest, DistancesAreThoseOfTheDequantisedCentroid)
{
    const std::size_t padded = 128;
    const Blocks blocks(kBlockCentroids, padded);
    std::vector<Floats> centroids;
    Codes codes(padded);
    for (std::uint32_t c = 0; c < kBlockCentroids; c++) {
        centroids.push_back(gaussian(padded, 100 + c));
        CentroidFactors factors;
        factors.scale =
            quantize_centroid(centroids[c].data(), padded, codes.data(), &factors.norm2);
        put_centroid(c, padded, codes.data(), factors, blocks);
        dequantize_centroid(codes.data(), factors.scale, padded, centroids[c].data());
    }
    const Floats x = gaussian(padded, 99);
    const Query q(x);
    alignas(64) std::int32_t sums[kBlockCentroids] = {};
    alignas(64) float products[kBlockCentroids];
    kernels_->add_tiles(q.query, blocks(kFactorTiles), padded / 4, 0, sums);
    kernels_->finish_products(q.query, sums, reinterpret_cast<float *>(blocks(kScaleTile)),
                              products);
    for (std::size_t c = 0; c < kBlockCentroids; c++) {
        double exact = 0;
        for (std::size_t i = 0; i < padded; i++)
            exact += std::pow(double(x[i]) - double(centroids[c][i]), 2);
        const float norm2 = reinterpret_cast<float *>(blocks(kNormTile))[c];
        EXPECT_NEAR(exact, centroid_distance(q.query, products[c], norm2), 1e-3 * exact);
    }
}

INSTANTIATE_TEST_SUITE_P(Paths, CentroidKernelsTest, testing::ValuesIn(kPaths),
                         [](const auto &path) { return std::string(path.param.name); });

} // namespace
