// SPDX-License-Identifier: PostgreSQL
//
// The arithmetic of calibration against scans that are simulated list by list.
#include "index/ivfrabitq/recall_curve.hpp"

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace vx::ivfrabitq
{

namespace
{

/// A query: lists by rising g, and its neighbours with the ranks of theirs.
struct Query {
    std::vector<float> g;
    std::vector<RankedNeighbour> neighbours;
};

Query
make_query(std::mt19937 &random, std::uint32_t lists, std::size_t neighbours)
{
    Query query;
    std::uniform_real_distribution<float> step(0.0f, 0.1f);
    float g = 1.0f;
    for (std::uint32_t i = 0; i < lists; i++)
        query.g.push_back(g += step(random));
    float distance = 0.5f;
    for (std::size_t i = 0; i < neighbours; i++) {
        const double place = std::exp(std::uniform_real_distribution<double>(
            0.0, std::log(static_cast<double>(lists) + 0.99))(random));
        query.neighbours.push_back({distance += 0.01f, std::uint32_t(place) - 1});
    }
    return query;
}

/// A scan as it runs: how many lists it reads. It sees only the neighbours it has found.
std::uint32_t
simulate(const Query &query, std::size_t k, double factor, double exponent)
{
    std::vector<float> found;
    for (std::uint32_t rank = 0; rank < query.g.size(); rank++) {
        std::sort(found.begin(), found.end());
        const float t = found.size() >= k ? found[k - 1] : query.neighbours.back().distance;
        const double gap = double(query.g[rank] - query.g[0]);
        if (rank > 0 && place_weight(rank + 1.0, exponent) * gap >= factor * double(t))
            return rank;
        for (const RankedNeighbour &neighbour : query.neighbours)
            if (neighbour.rank == rank)
                found.push_back(neighbour.distance);
    }
    return std::uint32_t(query.g.size());
}

TEST(RecallCurve, NeedsAreWhatASimulatedScanTakes)
{
    std::mt19937 random(1);
    for (const double exponent : {0.0, 0.25, 0.5, 1.0})
        for (int i = 0; i < 50; i++) {
            const Query query = make_query(random, 40, 30);
            std::vector<float> needs(query.g.size());
            adaptive_needs(query.g.data(), 40, query.neighbours.data(), 30, 10, needs.data());
            for (const double factor : {0.01, 0.1, 0.5, 1.0, 3.0, 20.0}) {
                std::uint32_t read = 1;
                while (read < 40 &&
                       place_weight(read + 1.0, exponent) * double(needs[read]) < factor)
                    read++;
                // the needs are floats, the simulation divides nothing: one list at the limit
                EXPECT_NEAR(read, simulate(query, 10, factor, exponent), 1);
            }
        }
}

TEST(RecallCurve, NeedsOnlyRise)
{
    std::mt19937 random(2);
    for (int i = 0; i < 100; i++) {
        const Query query = make_query(random, 100, 20);
        std::vector<float> needs(100);
        adaptive_needs(query.g.data(), 100, query.neighbours.data(), 20, 10, needs.data());
        EXPECT_EQ(needs[0], 0.0f);
        EXPECT_TRUE(std::is_sorted(needs.begin(), needs.end()));
    }
}

TEST(RecallCurve, EqualRowsNeedNothingOrAll)
{
    const RankedNeighbour same[] = {{0.0f, 0}, {0.0f, 2}};
    const float g[] = {1.0f, 1.0f, 2.0f};
    float needs[3];
    adaptive_needs(g, 3, same, 2, 1, needs);
    EXPECT_EQ(needs[0], 0.0f);
    EXPECT_EQ(needs[1], 0.0f);     // as near as the first
    EXPECT_EQ(needs[2], kReadAll); // T is 0: no factor reads it
}

TEST(RecallCurve, ListsWithoutCentreAreNeverNear)
{
    const RankedNeighbour one[] = {{1.0f, 0}};
    const float g[] = {1.0f, std::numeric_limits<float>::infinity()};
    float needs[2];
    adaptive_needs(g, 2, one, 1, 1, needs);
    EXPECT_EQ(needs[1], kReadAll);
}

TEST(RecallCurve, ShareOfNeedsIsTheRecall)
{
    std::vector<float> needs(1000);
    for (std::size_t i = 0; i < needs.size(); i++)
        needs[i] = float(i + 1);
    EXPECT_DOUBLE_EQ(need_for_recall(needs.data(), needs.size(), 0.95), 950.0);
    EXPECT_DOUBLE_EQ(need_for_recall(needs.data(), needs.size(), 0.9505), 950.5);
    EXPECT_DOUBLE_EQ(need_for_recall(needs.data(), needs.size(), 1.0), 1000.0);
    EXPECT_DOUBLE_EQ(need_for_recall(needs.data(), 1, 0.5), 1.0);
}

TEST(RecallCurve, WholeNumbersAreInterpolated)
{
    // half of the neighbours in the first list, a quarter in the second, a quarter in the fourth
    const float needs[] = {1, 1, 1, 1, 2, 2, 4, 4};
    EXPECT_DOUBLE_EQ(need_for_recall(needs, 8, 0.3), 1.0);
    EXPECT_DOUBLE_EQ(need_for_recall(needs, 8, 0.5), 1.0);
    EXPECT_DOUBLE_EQ(need_for_recall(needs, 8, 0.625), 1.5);
    EXPECT_DOUBLE_EQ(need_for_recall(needs, 8, 0.75), 2.0);
    EXPECT_DOUBLE_EQ(need_for_recall(needs, 8, 0.875), 3.0);
}

TEST(RecallCurve, PositionsAreMonotonic)
{
    EXPECT_EQ(recall_position(0.9, 0.95, 0.5), 0.0);
    EXPECT_EQ(recall_position(0.9, 0.95, 0.99), 1.0);
    EXPECT_EQ(recall_position(0.9, 0.9, 0.9), 0.0);
    for (const double high : {0.99, 1.0}) {
        double last = 0.0;
        for (double recall = 0.95; recall < high; recall += 0.001) {
            const double position = recall_position(0.95, high, recall);
            EXPECT_GE(position, last);
            EXPECT_LE(position, 1.0);
            last = position;
        }
        EXPECT_GT(last, 0.5);
    }
    EXPECT_EQ(limit_position(10, 100, 0), 0.0);
    EXPECT_EQ(limit_position(10, 100, 10), 0.0);
    EXPECT_DOUBLE_EQ(limit_position(10, 100, 100), 1.0);
    EXPECT_DOUBLE_EQ(limit_position(10, 100, 1000), 2.0);
}

TEST(RecallCurve, PlaceWeights)
{
    for (const double n : {1.0, 2.0, 100.0, 65536.0}) {
        EXPECT_EQ(place_weight(n, 0.0), 1.0);
        EXPECT_NEAR(place_weight(n, 0.25), std::pow(n, 0.25), 1e-9 * n);
        EXPECT_NEAR(place_weight(n, 0.5), std::pow(n, 0.5), 1e-9 * n);
        EXPECT_NEAR(place_weight(n, 1.0), n, 1e-9 * n);
    }
}

} // namespace

} // namespace vx::ivfrabitq
