// SPDX-License-Identifier: PostgreSQL
//
// Candidates against a plain sort: any order of arrival, ties, infinities, NaN, and so little
// memory that the rows must be collected again and again.
#include "index/common/candidates.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace vx::index
{

namespace
{

std::vector<Candidate>
make_rows(std::size_t count, unsigned seed, float (*distance)(std::mt19937 &))
{
    std::mt19937 random(seed);
    std::vector<Candidate> rows;
    for (std::size_t i = 0; i < count; i++)
        rows.push_back({distance(random), std::uint32_t(i / 10), std::uint16_t(1 + i % 10), 0});
    std::shuffle(rows.begin(), rows.end(), random);
    return rows;
}

void
collect(Candidates &candidates, const std::vector<Candidate> &rows)
{
    for (const Candidate &row : rows) {
        if (!candidates.has_room(1))
            candidates.forget_farthest();
        candidates.add(row.distance, row.block, row.offset);
    }
}

/// Everything that comes out, as the scan does it: collected again while something was lost.
std::vector<Candidate>
drain(const std::vector<Candidate> &rows, std::size_t far_capacity, std::size_t *collections)
{
    std::vector<Candidate> near(Candidates::kNearCapacity);
    std::vector<Candidate> far(far_capacity);
    Candidates candidates;
    candidates.initialise(near.data(), far.data(), far_capacity);
    collect(candidates, rows);
    *collections = 1;

    std::vector<Candidate> out;
    for (Candidate next;;) {
        if (candidates.pop(&next)) {
            out.push_back(next);
        } else if (candidates.lost_some()) {
            candidates.resume_after_last();
            collect(candidates, rows);
            ++*collections;
        } else {
            return out;
        }
    }
}

void
expect_sorted(std::vector<Candidate> rows, std::size_t far_capacity, std::size_t least_collections)
{
    for (Candidate &row : rows)
        if (std::isnan(row.distance))
            row.distance = std::numeric_limits<float>::infinity();
    std::size_t collections;
    const std::vector<Candidate> out = drain(rows, far_capacity, &collections);
    std::sort(rows.begin(), rows.end());
    ASSERT_EQ(out.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); i++) {
        ASSERT_EQ(out[i].distance, rows[i].distance) << i;
        ASSERT_EQ(out[i].block, rows[i].block) << i;
        ASSERT_EQ(out[i].offset, rows[i].offset) << i;
    }
    EXPECT_GE(collections, least_collections);
}

float
spread(std::mt19937 &random)
{
    return std::uniform_real_distribution<float>(-5, 5)(random);
}

float
few_values(std::mt19937 &random)
{
    return float(random() % 3);
}

float
strange_values(std::mt19937 &random)
{
    const float infinity = std::numeric_limits<float>::infinity();
    const float values[] = {infinity, -infinity, NAN, 0.0f, -0.0f, 1e-45f, 3e38f, -3e38f};
    return values[random() % 8];
}

constexpr std::size_t kEnough = 1 << 16;

} // namespace

TEST(Candidates, NothingInNothingOut)
{
    expect_sorted({}, kEnough, 1);
}

TEST(Candidates, ComeOutInOrder)
{
    for (std::size_t count : {1u, 255u, 256u, 257u, 511u, 512u, 513u, 5000u, 50000u})
        for (auto distance : {spread, few_values, strange_values})
            expect_sorted(make_rows(count, unsigned(count), distance), kEnough, 1);
}

TEST(Candidates, InLittleMemoryTheSame)
{
    for (auto distance : {spread, few_values, strange_values})
        expect_sorted(make_rows(40000, 1, distance), Candidates::kMinFarCapacity, 3);
}

TEST(Candidates, SortedInputEitherWay)
{
    std::vector<Candidate> rows = make_rows(20000, 2, spread);
    std::sort(rows.begin(), rows.end());
    expect_sorted(rows, Candidates::kMinFarCapacity, 2);
    std::reverse(rows.begin(), rows.end());
    expect_sorted(rows, Candidates::kMinFarCapacity, 2);
}

TEST(Candidates, RestartForgetsWhatWasPopped)
{
    std::vector<Candidate> near(Candidates::kNearCapacity);
    std::vector<Candidate> far(Candidates::kMinFarCapacity);
    Candidates candidates;
    candidates.initialise(near.data(), far.data(), far.size());
    Candidate out;
    candidates.add(1, 7, 1);
    ASSERT_TRUE(candidates.pop(&out));
    candidates.restart();
    candidates.add(0, 7, 1);
    ASSERT_TRUE(candidates.pop(&out));
    EXPECT_EQ(out.distance, 0);
    EXPECT_FALSE(candidates.pop(&out));
}

} // namespace vx::index
