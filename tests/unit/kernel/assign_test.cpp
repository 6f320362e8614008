// SPDX-License-Identifier: PostgreSQL
//
// The nearest centroids of rows over codes, on every instruction set: against a float64 search over
// the dequantised centroids, and bit for bit against the portable path.
#include "kernel/assign.hpp"

#include <algorithm>
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

constexpr float kInfinity = std::numeric_limits<float>::infinity();

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

template <class T>
T *
aligned(std::vector<T> &memory)
{
    auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    return memory.data() + (64 - address % 64) % 64;
}

/// Centroids as blocks, and as the floats that they stand for.
struct Centroids {
    Centroids(Floats values, std::size_t padded_)
        : padded(padded_), count(values.size() / padded_), floats(std::move(values)),
          memory(centroid_blocks(count) * tiles_per_block(padded) * kTileBytes + 64)
    {
        std::uint8_t *tiles = aligned(memory);
        clear_centroids(tiles, centroid_blocks(count), padded);
        std::vector<std::int8_t> codes(padded);
        for (std::size_t c = 0; c < count; c++) {
            CentroidFactors factors;
            float *centroid = floats.data() + c * padded;
            factors.scale = quantize_centroid(centroid, padded, codes.data(), &factors.norm2);
            put_centroid(c, padded, codes.data(), factors,
                         [&](std::size_t tile) { return tiles + tile * kTileBytes; });
            dequantize_centroid(codes.data(), factors.scale, padded, centroid);
        }
    }

    double distance(const float *row, std::size_t c) const
    {
        double sum = 0;
        for (std::size_t i = 0; i < padded; i++)
            sum += std::pow(double(row[i]) - double(floats[c * padded + i]), 2);
        return sum;
    }

    std::size_t padded;
    std::size_t count;
    Floats floats;
    std::vector<std::uint8_t> memory;
};

struct Assigned {
    std::vector<std::int32_t> lists;
    Floats distances;
};

Assigned
assign(AssignRows kernel, const Floats &rows, Centroids &centroids, std::size_t nearest)
{
    const std::size_t count = rows.size() / centroids.padded;
    Assigned out{std::vector<std::int32_t>(count * nearest, -7), Floats(count * nearest, -7)};
    std::vector<std::uint8_t> workspace(assign_workspace(centroids.padded) + 64);
    kernel(rows.data(), count, centroids.padded, aligned(centroids.memory), centroids.count,
           nearest, aligned(workspace), out.lists.data(), out.distances.data());
    return out;
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

class AssignTest : public testing::TestWithParam<Path>
{
  protected:
    void SetUp() override
    {
        kernel_ = assign_rows_for(GetParam().isa, GetParam().vnni);
        if (kernel_ == nullptr)
            GTEST_SKIP() << "this processor has no " << GetParam().name;
    }

    Assigned expect_as_portable(const Floats &rows, Centroids &centroids, std::size_t nearest)
    {
        const Assigned ours = assign(kernel_, rows, centroids, nearest);
        const Assigned portable = assign(assign_rows_for(Isa::scalar), rows, centroids, nearest);
        EXPECT_EQ(portable.lists, ours.lists);
        EXPECT_EQ(portable.distances, ours.distances);
        return ours;
    }

    AssignRows kernel_ = nullptr;
};

TEST_P(AssignTest, FindsTheNearest)
{
    for (std::size_t padded : {64, 128, 320})
        for (std::size_t lists : {1, 2, 63, 64, 65, 200})
            for (std::size_t rows : {1, 6, 7, 250}) {
                Centroids centroids(gaussian(lists * padded, 3), padded);
                const Floats x = gaussian(rows * padded, 4);
                const Assigned found = expect_as_portable(x, centroids, 1);
                for (std::size_t r = 0; r < rows; r++) {
                    const float *row = &x[r * padded];
                    double least = kInfinity;
                    for (std::size_t c = 0; c < lists; c++)
                        least = std::min(least, centroids.distance(row, c));
                    const auto list = std::size_t(found.lists[r]);
                    ASSERT_LT(list, lists);
                    ASSERT_LE(centroids.distance(row, list), least * 1.02);
                    ASSERT_NEAR(found.distances[r], centroids.distance(row, list), 0.02 * least);
                }
            }
}

TEST_P(AssignTest, SeveralInOrder)
{
    const std::size_t padded = 128;
    for (std::size_t lists : {1, 3, 130})
        for (std::size_t nearest : {2, 3, 8}) {
            Centroids centroids(gaussian(lists * padded, 5), padded);
            const Floats x = gaussian(100 * padded, 6);
            const Assigned one = assign(kernel_, x, centroids, 1);
            const Assigned found = expect_as_portable(x, centroids, nearest);
            for (std::size_t r = 0; r < 100; r++) {
                const std::int32_t *list = &found.lists[r * nearest];
                const float *distance = &found.distances[r * nearest];
                ASSERT_EQ(one.lists[r], list[0]);
                std::vector<double> exact;
                for (std::size_t c = 0; c < lists; c++)
                    exact.push_back(centroids.distance(&x[r * padded], c));
                std::sort(exact.begin(), exact.end());
                for (std::size_t i = 0; i < nearest; i++) {
                    if (i >= lists) {
                        ASSERT_EQ(-1, list[i]);
                        ASSERT_EQ(kInfinity, distance[i]);
                        continue;
                    }
                    ASSERT_NEAR(exact[i], distance[i], 0.02 * exact[i]);
                    ASSERT_TRUE(i == 0 || distance[i - 1] <= distance[i]);
                    ASSERT_EQ(list + i, std::find(list, list + i, list[i])) << "twice";
                }
            }
        }
}

TEST_P(AssignTest, TheLowerNumberOfEquals)
{
    const std::size_t padded = 64;
    const Floats one = gaussian(padded, 7);
    Floats all;
    for (int i = 0; i < 150; i++)
        all.insert(all.end(), one.begin(), one.end());
    Centroids centroids(all, padded);
    const Assigned found = expect_as_portable(gaussian(13 * padded, 8), centroids, 1);
    EXPECT_EQ(std::vector<std::int32_t>(13, 0), found.lists);
    const Assigned three = expect_as_portable(one, centroids, 3);
    EXPECT_EQ((std::vector<std::int32_t>{0, 1, 2}), three.lists);
}

TEST_P(AssignTest, AnyMagnitude)
{
    const std::size_t padded = 128;
    for (float size : {0.0f, 1e-38f, 1e-25f, 1e-10f, 1e10f, 1e17f, 1e25f, 3e37f}) {
        Centroids centroids(gaussian(70 * padded, 9, size), padded);
        for (float row_size : {0.0f, 1.0f, size}) {
            const Assigned found =
                expect_as_portable(gaussian(20 * padded, 10, row_size), centroids, 2);
            for (std::size_t i = 0; i < found.lists.size(); i += 2) {
                ASSERT_GE(found.lists[i], 0);
                ASSERT_LT(found.lists[i], 70);
            }
            for (float distance : found.distances)
                ASSERT_GE(distance, 0.0f);
        }
    }
}

TEST_P(AssignTest, Wide)
{
    for (std::size_t padded : {1984, 16000}) {
        Centroids centroids(Floats(3 * padded, 1.0f), padded);
        Floats rows = gaussian(14 * padded, 11);
        std::fill(rows.begin(), rows.begin() + std::ptrdiff_t(padded), -1.0f);
        const Assigned found = expect_as_portable(rows, centroids, 1);
        EXPECT_NEAR(4.0 * double(padded), found.distances[0], 0.04 * double(padded));
    }
}

TEST_P(AssignTest, QuantisedRowsGiveTheSame)
{
    const std::size_t padded = 192;
    const std::size_t rows = 333;
    Centroids centroids(gaussian(100 * padded, 12), padded);
    const Floats x = gaussian(rows * padded, 13);
    const Assigned expected = assign(kernel_, x, centroids, 2);
    std::vector<std::int8_t> codes(rows * padded);
    std::vector<RowFactors> factors(rows);
    quantize_rows(x.data(), rows, padded, codes.data(), factors.data());
    std::vector<std::uint8_t> workspace(assign_workspace(padded) + 64);
    std::vector<std::int32_t> lists(rows * 2);
    assign_codes(codes.data(), factors.data(), rows, padded, aligned(centroids.memory), 100, 2,
                 aligned(workspace), lists.data(), nullptr);
    EXPECT_EQ(expected.lists, lists);
}

INSTANTIATE_TEST_SUITE_P(Paths, AssignTest, testing::ValuesIn(kPaths),
                         [](const auto &path) { return std::string(path.param.name); });

} // namespace
