// SPDX-License-Identifier: PostgreSQL
//
// Training over int8 codes, compared with training on floats.
#include "build_library.hpp"

#include <csignal>
#include <cstring>
#include <fstream>
#include <set>
#include <unistd.h>

namespace
{

using namespace build_library;

Training
approximately(int threads = 1)
{
    Training how;
    how.approximate = VX_BUILD_CODES;
    how.threads = threads;
    return how;
}

TEST(TrainCodes, EqualInputAndSeedGiveEqualCentroidsWhateverTheThreads)
{
    const std::size_t dim = 21;
    const Floats rows = clustered(5000, dim, 40, 5);
    for (std::size_t lists : {20, 130}) { // the first has rows for two phases
        const Floats one = train(rows, dim, lists, approximately());
        EXPECT_EQ(one, train(rows, dim, lists, approximately()));
        EXPECT_EQ(one, train(rows, dim, lists, approximately(3)));
        Training other_seed = approximately();
        other_seed.seed = 2;
        EXPECT_NE(one, train(rows, dim, lists, other_seed));
    }
}

TEST(TrainCodes, IsAsGoodAsATextbook)
{
    const std::size_t dim = 16;
    for (float shift : {0.0f, 3000.0f})
        for (std::uint32_t seed : {11, 12, 13}) {
            Floats rows = clustered(2000, dim, 30, seed, 1);
            for (float &x : rows)
                x += shift;
            const double ours = distortion(rows, dim, train(rows, dim, 40, approximately()));
            const double naive = distortion(rows, dim, naive_lloyd(rows, dim, 40, 10));
            EXPECT_LT(ours, naive * 1.04) << "seed " << seed << " shift " << shift;
        }
}

/// Enough lists for iterations that look at neighbours only.
TEST(TrainCodes, IsAsGoodAsATextbookWithManyLists)
{
    const std::size_t dim = 16;
    const std::size_t lists = 300;
    const Floats rows = clustered(12000, dim, 250, 18, 1);
    const double ours = distortion(rows, dim, train(rows, dim, lists, approximately(2)));
    EXPECT_LT(ours, distortion(rows, dim, naive_lloyd(rows, dim, lists, 10)) * 1.03);
}

TEST(TrainCodes, FromATree)
{
    const std::size_t dim = 16;
    Training tree = approximately();
    tree.approximate = VX_BUILD_CODES_FROM_TREE;
    const Floats rows = clustered(6000, dim, 90, 17, 1);
    const Floats centroids = train(rows, dim, 120, tree);
    tree.threads = 3;
    EXPECT_EQ(centroids, train(rows, dim, 120, tree));
    const double flat = distortion(rows, dim, train(rows, dim, 120, approximately()));
    EXPECT_LT(distortion(rows, dim, centroids), flat * 1.05);
    for (std::size_t lists : {1, 2, 3, 10, 6000})
        train(rows, dim, lists, tree);
    train(Floats(1000 * dim, 5.0f), dim, 300, tree);
}

TEST(TrainCodes, EveryListHasRows)
{
    // Most first centroids lie in the one cluster that holds most rows; the others' are empty or
    // take several clusters, unless rows of crowded lists replace them.
    const std::size_t dim = 32;
    const Floats few = clustered(500, dim, 100, 14, 50);
    Floats rows = gaussian(4000 * dim, 15);
    rows.insert(rows.end(), few.begin(), few.end());
    const Floats centroids = train(rows, dim, 120, approximately());
    const auto lists = assign(rows, dim, centroids);
    const std::set<std::int32_t> used(lists.begin(), lists.end());
    EXPECT_EQ(120u, used.size());
}

TEST(TrainCodes, ManyDuplicates)
{
    for (std::size_t dim : {1, 8}) {
        train(Floats(1000 * dim, 0.0f), dim, 100, approximately());
        train(Floats(1000 * dim, 5.0f), dim, 1000, approximately());
        Floats two(1000 * dim, 1.0f);
        std::fill(two.begin(), two.begin() + std::ptrdiff_t(500 * dim), -1.0f);
        const auto lists = assign(two, dim, train(two, dim, 50, approximately()));
        const std::set<std::int32_t> low(lists.begin(), lists.begin() + 500);
        const std::set<std::int32_t> high(lists.begin() + 500, lists.end());
        for (std::int32_t list : low)
            EXPECT_EQ(0u, high.count(list)) << "two different points in one list";
    }
}

TEST(TrainCodes, FewRowsAndLists)
{
    const std::size_t dim = 12;
    for (std::size_t count : {0, 1, 7, 99})
        train(gaussian(count * dim, 41), dim, 100, approximately()); // more lists than rows
    train(gaussian(50 * dim, 42), dim, 50, approximately());
    const Floats one = train(Floats(3 * dim, 2.5f), dim, 1, approximately());
    for (float x : one)
        EXPECT_NEAR(2.5f, x, 1e-5);
}

TEST(TrainCodes, ExtremeMagnitudesStayFinite)
{
    const std::size_t dim = 6;
    for (float scale : {1e-37f, 1e-30f, 1e25f, 5e37f}) {
        Floats rows = clustered(600, dim, 6, 51);
        const float largest = *std::max_element(rows.begin(), rows.end());
        for (float &x : rows)
            x = std::max(x / largest, -1.0f) * scale;
        const Floats centroids = train(rows, dim, 6, approximately());
        EXPECT_GT(*std::max_element(centroids.begin(), centroids.end()), 0.01f * scale);
        const auto lists = assign(rows, dim, centroids);
        EXPECT_GT(std::set<std::int32_t>(lists.begin(), lists.end()).size(), 3u) << scale;
    }
    const float max = std::numeric_limits<float>::max();
    Floats extremes(400 * dim, max);
    std::fill(extremes.begin(), extremes.begin() + std::ptrdiff_t(200 * dim), -max);
    train(extremes, dim, 2, approximately(2));
    train(Floats(300 * dim, 1e-45f), dim, 9, approximately());
}

TEST(TrainCodes, WideRows)
{
    const std::size_t dim = 2000;
    const Floats rows = clustered(300, dim, 10, 61);
    EXPECT_LT(distortion(rows, dim, train(rows, dim, 20, approximately(2))), 40 * double(dim));
}

TEST(TrainCodes, RefusesNonsense)
{
    const Floats rows(40, std::numeric_limits<float>::quiet_NaN());
    Floats centroids(4);
    VxTrainRequest request{};
    request.rows = rows.data();
    request.row_count = 40;
    request.dim = 1;
    request.list_count = 4;
    request.approximate = VX_BUILD_CODES;
    request.centroids = centroids.data();
    EXPECT_EQ(VX_BUILD_FAILED, api().train(&request));
    EXPECT_NE(nullptr, std::strstr(request.error, "NaN")) << request.error;
    request.metric = VX_BUILD_INNER_PRODUCT;
    EXPECT_EQ(VX_BUILD_FAILED, api().train(&request));
    EXPECT_STREQ("invalid build request", request.error);
}

volatile int interrupted = 0;

TEST(TrainCodes, ASignalStopsIt)
{
    const Floats rows = gaussian(20000 * 64, 71);
    Floats centroids(200 * 64);
    for (int threads : {1, 2}) {
        interrupted = 0;
        std::signal(SIGALRM, [](int) { interrupted = 1; });
        VxTrainRequest request{};
        request.rows = rows.data();
        request.row_count = 20000;
        request.dim = 64;
        request.list_count = 200;
        request.iterations = 10000; // for ever, as tests go
        request.threads = threads;
        request.approximate = VX_BUILD_CODES;
        request.interrupted = &interrupted;
        request.centroids = centroids.data();
        ualarm(50000, 0);
        EXPECT_EQ(VX_BUILD_INTERRUPTED, api().train(&request));
    }
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

TEST(TrainCodes, MemoryIsNoLessThanWhatIsTaken)
{
    const std::size_t dim = 256;
    const std::size_t lists = 2000;
    const Floats some = gaussian(300000, 81);
    Floats rows(100000 * dim);
    for (std::size_t i = 0; i < rows.size(); i++)
        rows[i] = some[i % some.size()];
    const std::size_t estimate =
        api().train_memory(100000, std::int32_t(dim), lists, 1, VX_BUILD_CODES);
    Floats centroids(lists * dim, 1.0f);
    const std::size_t before = resident();
    static std::size_t most;
    most = 0;
    interrupted = 1;
    VxTrainRequest request{};
    request.rows = rows.data();
    request.row_count = 100000;
    request.dim = std::int32_t(dim);
    request.list_count = std::int32_t(lists);
    request.iterations = 1;
    request.approximate = VX_BUILD_CODES;
    request.threads = 1;
    request.interrupted = &interrupted;
    request.wants_stop = [] {
        static int calls = 0;
        if (calls++ % 16 == 0)
            most = std::max(most, resident());
        return 0;
    };
    request.centroids = centroids.data();
    EXPECT_EQ(VX_BUILD_OK, api().train(&request));
    interrupted = 0;
    EXPECT_LT(most - before, estimate + (1 << 20)); // pages of the allocator, stacks
    EXPECT_GT(most - before, estimate / 2) << "an estimate far above the truth wastes the budget";
}

} // namespace
