// SPDX-License-Identifier: PostgreSQL
//
// Training and assignment on floats.
#include "build_library.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

using namespace build_library;

TEST(BuildLibrary, HasTheVersionOfTheHeader)
{
    EXPECT_EQ(kVxBuildApiVersion, api().version);
}

TEST(BuildLibrary, EqualInputAndSeedGiveEqualCentroidsWhateverTheThreads)
{
    const std::size_t dim = 20;
    const Floats rows = clustered(3000, dim, 40, 5);
    const Floats one = train(rows, dim, 50);
    EXPECT_EQ(one, train(rows, dim, 50));
    Training with_threads;
    with_threads.threads = 3;
    EXPECT_EQ(one, train(rows, dim, 50, with_threads));
    Training other_seed;
    other_seed.seed = 2;
    EXPECT_NE(one, train(rows, dim, 50, other_seed));
}

TEST(BuildLibrary, TrainsAsWellAsATextbook)
{
    // Clusters that overlap: then all good local optima are about equally good.
    const std::size_t dim = 16;
    for (std::uint32_t seed : {11, 12, 13}) {
        const Floats rows = clustered(2000, dim, 30, seed, 1);
        const double ours = distortion(rows, dim, train(rows, dim, 40));
        const double naive = distortion(rows, dim, naive_lloyd(rows, dim, 40, 10));
        EXPECT_LT(ours, naive * 1.03) << "seed " << seed;
    }
}

TEST(BuildLibrary, SphericalCentroidsHaveLengthOne)
{
    const std::size_t dim = 24;
    Floats rows = clustered(1000, dim, 20, 9);
    normalize_rows(rows, dim);
    Training how;
    how.metric = VX_BUILD_INNER_PRODUCT;
    for (std::size_t lists : {10, 1500}) {
        const Floats centroids = train(rows, dim, lists, how);
        for (std::size_t c = 0; c < lists; c++)
            EXPECT_NEAR(1, product(&centroids[c * dim], &centroids[c * dim], dim), 1e-4);
    }
}

TEST(BuildLibrary, AssignsToTheNearestCentroid)
{
    for (std::size_t dim : {1, 3, 31, 128, 2000})
        for (float shift : {0.0f, 1000.0f}) {
            const std::size_t count = dim > 1000 ? 60 : 700;
            const Floats rows = gaussian(count * dim, 21, 1, shift);
            const Floats centroids = gaussian(101 * dim, 22, 1, shift);
            const auto lists = assign(rows, dim, centroids);
            EXPECT_EQ(lists, assign(rows, dim, centroids, VX_BUILD_L2, 3));
            for (std::size_t r = 0; r < count; r++) {
                const float *row = &rows[r * dim];
                const double least =
                    l2_squared(row, &centroids[nearest_l2(row, centroids, dim) * dim], dim);
                ASSERT_LE(l2_squared(row, &centroids[std::size_t(lists[r]) * dim], dim),
                          least * (1 + 1e-5) + 1e-9 + 1e-6 * double(dim))
                    << "dim " << dim << " shift " << shift;
            }
        }
}

TEST(BuildLibrary, AssignsToTheGreatestProduct)
{
    const std::size_t dim = 50;
    const Floats rows = gaussian(500 * dim, 31);
    const Floats centroids = gaussian(60 * dim, 32);
    const auto lists = assign(rows, dim, centroids, VX_BUILD_INNER_PRODUCT);
    for (std::size_t r = 0; r < 500; r++)
        for (std::size_t c = 0; c < 60; c++)
            ASSERT_GE(product(&rows[r * dim], &centroids[std::size_t(lists[r]) * dim], dim),
                      product(&rows[r * dim], &centroids[c * dim], dim) - 1e-4);
}

TEST(BuildLibrary, ManyDuplicates)
{
    for (std::size_t dim : {1, 8}) {
        train(Floats(1000 * dim, 0.0f), dim, 100); // every row the zero vector
        train(Floats(1000 * dim, 5.0f), dim, 1000);
        Floats two(1000 * dim, 1.0f);
        std::fill(two.begin(), two.begin() + std::ptrdiff_t(500 * dim), -1.0f);
        const auto lists = assign(two, dim, train(two, dim, 50));
        const std::set<std::int32_t> low(lists.begin(), lists.begin() + 500);
        const std::set<std::int32_t> high(lists.begin() + 500, lists.end());
        for (std::int32_t list : low)
            EXPECT_EQ(0u, high.count(list)) << "two different points in one list";
    }
}

TEST(BuildLibrary, MoreListsThanRows)
{
    const std::size_t dim = 12;
    for (std::size_t count : {0, 1, 7, 99}) {
        const Floats rows = gaussian(count * dim, 41);
        const Floats centroids = train(rows, dim, 100);
        EXPECT_EQ(centroids, train(rows, dim, 100));
        std::set<Floats> distinct;
        for (std::size_t c = 0; c < 100; c++)
            distinct.insert(Floats(&centroids[c * dim], &centroids[c * dim] + dim));
        EXPECT_EQ(100u, distinct.size()) << count << " rows";
        for (std::size_t r = 0; r < count; r++)
            EXPECT_EQ(1u, distinct.count(Floats(&rows[r * dim], &rows[r * dim] + dim)));
    }
    train(Floats(), dim, 1);
    train(Floats(dim, 0.0f), dim, 3);
    train(gaussian(50 * dim, 42), dim, 50); // as many as rows
}

TEST(BuildLibrary, ExtremeMagnitudesStayFinite)
{
    const std::size_t dim = 6;
    for (float scale : {1e-42f, 1e-30f, 1e25f, 5e37f}) {
        Floats rows = clustered(600, dim, 6, 51);
        const float largest = *std::max_element(rows.begin(), rows.end());
        for (float &x : rows)
            x = std::max(x / largest, -1.0f) * scale;
        const Floats centroids = train(rows, dim, 6);
        EXPECT_GT(*std::max_element(centroids.begin(), centroids.end()), 0.01f * scale);
        const auto lists = assign(rows, dim, centroids);
        EXPECT_GT(std::set<std::int32_t>(lists.begin(), lists.end()).size(), 3u) << scale;
    }
    const float max = std::numeric_limits<float>::max();
    Floats extremes(400 * dim, max);
    std::fill(extremes.begin(), extremes.begin() + std::ptrdiff_t(200 * dim), -max);
    train(extremes, dim, 2);
    train(Floats(3 * dim, max), dim, 9);
}

TEST(BuildLibrary, WideRows)
{
    const std::size_t dim = 2000;
    const Floats rows = clustered(300, dim, 10, 61);
    EXPECT_LT(distortion(rows, dim, train(rows, dim, 20)), 40 * double(dim));
}

TEST(BuildLibrary, RefusesNonsense)
{
    VxTrainRequest request{};
    EXPECT_EQ(VX_BUILD_FAILED, api().train(&request));
    EXPECT_STREQ("invalid build request", request.error);
    const Floats rows(40, std::numeric_limits<float>::quiet_NaN());
    Floats centroids(4);
    request.rows = rows.data();
    request.row_count = 40;
    request.dim = 1;
    request.list_count = 4;
    request.centroids = centroids.data();
    EXPECT_EQ(VX_BUILD_FAILED, api().train(&request));
    EXPECT_NE(nullptr, std::strstr(request.error, "NaN")) << request.error;
}

TEST(BuildLibrary, OutOfMemoryIsAStatus)
{
    const Floats row(16000);
    std::int32_t list;
    VxAssignRequest request{};
    request.rows = row.data();
    request.row_count = 1;
    request.dim = 16000;
    request.centroids = row.data();
    request.list_count = std::numeric_limits<std::int32_t>::max(); // 137 TB of centroids
    request.lists = &list;
    EXPECT_EQ(VX_BUILD_OUT_OF_MEMORY, api().assign(&request));
}

volatile int interrupted_flag = 0;
int stop_answers = 0;
std::thread::id asked_on;

int
refuse_to_stop()
{
    stop_answers++;
    asked_on = std::this_thread::get_id();
    return 0;
}

void
raise_flag(int)
{
    interrupted_flag = 1;
}

/// A training of several seconds, with an alarm that raises the flag soon.
VxTrainRequest
long_training(const Floats &rows, Floats &centroids, int threads)
{
    VxTrainRequest request{};
    request.rows = rows.data();
    request.row_count = std::int64_t(rows.size() / 64);
    request.dim = 64;
    request.list_count = std::int32_t(centroids.size() / 64);
    request.iterations = 100000;
    request.threads = threads;
    request.interrupted = &interrupted_flag;
    request.centroids = centroids.data();
    return request;
}

TEST(BuildLibrary, ASignalDuringTrainingReachesTheCallersThread)
{
    // An endless training ends only if the handler ran here, where the flag is polled, although
    // the library's threads outnumber this one.
    const Floats rows = gaussian(20000 * 64, 71);
    Floats centroids(200 * 64);
    for (int threads : {1, 2, 4}) {
        interrupted_flag = 0;
        std::signal(SIGALRM, raise_flag);
        VxTrainRequest request = long_training(rows, centroids, threads);
        ualarm(50000, 0);
        EXPECT_EQ(VX_BUILD_INTERRUPTED, api().train(&request));
    }
    interrupted_flag = 0;
}

TEST(BuildLibrary, AnInterruptThatDoesNotMeanUsIsNoEnd)
{
    const Floats rows = gaussian(4000 * 64, 72);
    Floats centroids(100 * 64);
    interrupted_flag = 1;
    for (int threads : {1, 2}) {
        stop_answers = 0;
        VxTrainRequest request = long_training(rows, centroids, threads);
        request.iterations = 60;
        request.wants_stop = refuse_to_stop;
        EXPECT_EQ(VX_BUILD_OK, api().train(&request));
        EXPECT_GT(stop_answers, 0);
        EXPECT_EQ(std::this_thread::get_id(), asked_on);
    }
    VxAssignRequest request{};
    std::vector<std::int32_t> lists(4000);
    request.rows = rows.data();
    request.row_count = 4000;
    request.dim = 64;
    request.centroids = centroids.data();
    request.list_count = 100;
    request.threads = 1;
    request.interrupted = &interrupted_flag;
    request.lists = lists.data();
    EXPECT_EQ(VX_BUILD_INTERRUPTED, api().assign(&request));
    interrupted_flag = 0;
}

/// Resident bytes of this process.
std::size_t
resident()
{
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0;
    std::size_t pages = 0;
    statm >> size >> pages;
    return pages * std::size_t(sysconf(_SC_PAGESIZE));
}

TEST(BuildLibrary, TrainMemoryIsNoLessThanWhatIsTaken)
{
    const std::size_t dim = 256;
    const std::size_t lists = 4000;
    const Floats rows = gaussian(300000, 81);
    Floats all(60000 * dim);
    for (std::size_t i = 0; i < all.size(); i++)
        all[i] = rows[i % rows.size()];
    const std::size_t estimate =
        api().train_memory(60000, std::int32_t(dim), lists, 1, VX_BUILD_FLOATS);
    const std::size_t before = resident();
    static std::size_t most;
    most = 0;
    interrupted_flag = 1;
    Floats centroids(lists * dim, 1.0f);
    VxTrainRequest request{};
    request.rows = all.data();
    request.row_count = 60000;
    request.dim = std::int32_t(dim);
    request.list_count = std::int32_t(lists);
    request.iterations = 1;
    request.threads = 1;
    request.interrupted = &interrupted_flag;
    request.wants_stop = [] {
        static int calls = 0;
        if (calls++ % 64 == 0)
            most = std::max(most, resident());
        return 0;
    };
    request.centroids = centroids.data();
    EXPECT_EQ(VX_BUILD_OK, api().train(&request));
    interrupted_flag = 0;
    const std::size_t taken = most - before - centroids.size() * sizeof(float);
    EXPECT_LT(taken, estimate + (1 << 20)); // pages of the allocator, stacks
    EXPECT_GT(taken, estimate / 2) << "an estimate far above the truth wastes the budget";
}

} // namespace
