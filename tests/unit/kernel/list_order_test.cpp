// SPDX-License-Identifier: PostgreSQL
//
// The order of lists against a full sort, on every instruction set.
#include "kernel/list_order.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace
{

using namespace vx::kernel;

using Floats = std::vector<float>;
using Order = std::vector<std::uint32_t>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Order
sorted(const Floats &distances)
{
    Order order;
    for (std::uint32_t i = 0; i < distances.size(); i++)
        if (distances[i] < kInfinity)
            order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return distances[a] < distances[b]; });
    return order;
}

TEST(SortLists, AllInOrder)
{
    std::mt19937 random(5);
    for (const std::uint32_t count : {0u, 1u, 2u, 63u, 1000u, 20000u})
        for (const float scale : {0.0f, 1e-30f, 1.0f, 1e30f}) {
            std::normal_distribution<float> normal(0, 1);
            Floats distances(count);
            for (float &distance : distances)
                distance = scale * std::round(100 * normal(random)) / 100; // with equals, and -0
            if (count > 10)
                distances[3] = distances[7] = kInfinity;
            if (count > 10)
                distances[5] = -kInfinity;
            std::vector<std::uint64_t> scratch(2 * std::size_t{count});
            Order order(count);
            sort_lists(distances.data(), count, scratch.data(), order.data());
            Order expected = sorted(distances);
            if (count > 10)
                expected.insert(expected.end(), {3, 7});
            EXPECT_EQ(expected, order) << count << " " << scale;
        }
}

class ListOrderTest : public testing::TestWithParam<Isa>
{
  protected:
    void SetUp() override
    {
        more_ = more_lists_for(GetParam());
        if (more_ == nullptr)
            GTEST_SKIP() << "this processor has no " << isa_name(GetParam());
    }

    /// Asks in steps of `step` until there is no more.
    void expect_sorted(const Floats &distances, std::uint32_t step)
    {
        const Order expected = sorted(distances);
        const auto count = std::uint32_t(distances.size());
        Order order(count + 1, 12345);
        ListOrder state;
        begin_list_order(distances.data(), count, order.data(), &state);
        std::uint32_t final = 0;
        for (std::uint32_t wanted = step; final < expected.size(); wanted = final + step) {
            final = more_(&state, wanted);
            ASSERT_GE(final, std::min<std::size_t>(wanted, expected.size()));
            ASSERT_LE(final, expected.size());
            ASSERT_TRUE(std::equal(order.begin(), order.begin() + final, expected.begin()))
                << count << " lists, wanted " << wanted;
        }
        ASSERT_EQ(expected.size(), more_(&state, count + 5));
        ASSERT_EQ(12345u, order[count]);
    }

    MoreLists more_ = nullptr;
};

TEST_P(ListOrderTest, IsThatOfASort)
{
    std::mt19937 random(1);
    for (std::uint32_t count : {0, 1, 15, 16, 17, 511, 513, 4000, 20011})
        for (std::uint32_t step : {1, 3, 100, 300, 5000}) {
            if (count > 1000 && step < 100)
                continue;
            Floats distances(count);
            std::normal_distribution<float> normal(10, 4);
            for (float &x : distances)
                x = normal(random);
            expect_sorted(distances, step);
        }
}

TEST_P(ListOrderTest, ManyEqual)
{
    std::mt19937 random(2);
    for (std::uint32_t count : {40, 700, 5000})
        for (std::uint32_t values : {1, 2, 7, 300})
            for (std::uint32_t step : {40, 257}) {
                Floats distances(count);
                for (float &x : distances)
                    x = float(random() % values) * 0.25f;
                expect_sorted(distances, step);
                std::sort(distances.begin(), distances.end());
                expect_sorted(distances, step);
            }
    Floats zeros(600, 0.0f);
    for (std::size_t i = 0; i < zeros.size(); i += 2)
        zeros[i] = -0.0f;
    expect_sorted(zeros, 10);
}

TEST_P(ListOrderTest, InfinityIsNeverReturned)
{
    std::mt19937 random(3);
    for (std::uint32_t finite : {0, 1, 90, 600}) {
        Floats distances(3000, kInfinity);
        for (std::uint32_t i = 0; i < finite; i++)
            distances[random() % distances.size()] = float(i);
        expect_sorted(distances, 50);
    }
}

TEST_P(ListOrderTest, AnyDistribution)
{
    Floats distances(6000);
    std::mt19937 random(4);
    for (float &x : distances) // from 1e-38 to 1e38, both signs
        x = std::ldexp(random() % 2 == 0 ? 1.0f : -1.0f, int(random() % 250) - 125);
    expect_sorted(distances, 100);
    for (std::size_t i = 0; i < distances.size(); i++) // all but a few far away
        distances[i] = i % 1000 == 0 ? float(i) : 1e30f + float(i) * 1e26f;
    expect_sorted(distances, 100);
    std::iota(distances.begin(), distances.end(), 0.0f);
    expect_sorted(distances, 100);
    std::reverse(distances.begin(), distances.end());
    expect_sorted(distances, 100);
    for (std::size_t i = 0; i < distances.size(); i++) // the nearest all in one group of 512
        distances[i] = i % 512 == 3 ? float(i) : 1e6f + float(i);
    expect_sorted(distances, 100);
}

/// Added lists that should have come before are next, then all the rest.
TEST_P(ListOrderTest, AddedLists)
{
    std::mt19937 random(9);
    std::uniform_int_distribution<int> value(0, 500); // with equals
    Floats distances(3000);
    for (float &distance : distances)
        distance = float(value(random));
    distances[2000] = distances[10] = kInfinity;
    distances[2001] = -kInfinity;
    for (const std::uint32_t read : {0u, 1u, 70u, 900u}) {
        Order order(distances.size());
        ListOrder state;
        begin_list_order(distances.data(), 1000, order.data(), &state);
        if (read > 0)
            more_lists_for(GetParam())(&state, read);
        const std::uint32_t final = state.sorted;
        const Order before(order.begin(), order.begin() + final);
        const std::uint32_t late = add_lists(&state, 3000);
        ASSERT_EQ(late, state.sorted);
        if (final > 0)
            for (std::uint32_t i = final; i < late; i++) {
                EXPECT_GE(order[i], 1000u);
                EXPECT_LT(distances[order[i]], distances[before.back()]);
            }
        ASSERT_EQ(more_lists_for(GetParam())(&state, 3000), 2998u);
        EXPECT_TRUE(std::equal(before.begin(), before.end(), order.begin()));
        EXPECT_TRUE(std::is_sorted(order.begin() + final, order.begin() + late,
                                   [&](auto a, auto b) { return distances[a] < distances[b]; }));
        EXPECT_TRUE(std::is_sorted(order.begin() + late, order.begin() + 2998,
                                   [&](auto a, auto b) { return distances[a] < distances[b]; }));
        Order all(order.begin(), order.begin() + 2998);
        std::sort(all.begin(), all.end());
        Order expected = sorted(distances);
        std::sort(expected.begin(), expected.end());
        EXPECT_EQ(expected, all) << read;
    }
}

INSTANTIATE_TEST_SUITE_P(Isas, ListOrderTest, testing::Values(Isa::scalar, Isa::avx2, Isa::avx512),
                         [](const auto &isa) { return isa_name(isa.param); });

} // namespace
