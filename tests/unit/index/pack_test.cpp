// SPDX-License-Identifier: PostgreSQL
//
// Packing lists into pages: every group has a place of its own, no list has more pages than it
// needs, and pages are full.
#include "index/ivfrabitq/pack.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

namespace vx::ivfrabitq
{

namespace
{

struct Packed {
    std::vector<PackedList> lists;
    std::vector<SharedPage> shared;
    Packing packing;
};

Packed
pack(const std::vector<std::uint32_t> &rows, std::uint32_t groups_per_page, std::uint32_t window)
{
    Packed result;
    result.lists.resize(rows.size());
    result.shared.resize(rows.size());
    result.packing = {static_cast<std::uint32_t>(rows.size()),
                      groups_per_page,
                      window,
                      result.lists.data(),
                      result.shared.data(),
                      0,
                      0};
    pack_lists(&result.packing, rows.data());
    return result;
}

std::uint64_t
groups_of(std::uint32_t rows)
{
    return (std::uint64_t{rows} + 31) / 32;
}

/// The places of all groups, checked; returns how many groups there are.
std::uint64_t
check(const Packed &packed, const std::vector<std::uint32_t> &rows)
{
    const Packing &packing = packed.packing;
    std::set<std::uint64_t> places;
    std::uint64_t groups = 0;
    for (std::uint32_t list = 0; list < packing.lists; list++) {
        const PackedList &entry = packing.packed[list];
        const std::uint64_t needed = groups_of(rows[list]);
        groups += needed;
        EXPECT_EQ(entry.run_pages, needed / packing.groups_per_page);
        EXPECT_EQ(entry.groups, needed % packing.groups_per_page);
        EXPECT_EQ(entry.shared == kNoPage, entry.groups == 0);
        for (std::uint32_t i = 0; i < entry.run_pages * packing.groups_per_page; i++)
            places.insert(std::uint64_t{entry.run_start} * packing.groups_per_page + i);
        if (entry.shared == kNoPage)
            continue;
        EXPECT_LT(entry.shared, packing.shared_count);
        const SharedPage &page = packing.shared[entry.shared];
        EXPECT_LE(list, page.last_list);
        EXPECT_LE(entry.first_group + entry.groups, packing.groups_per_page);
        for (std::uint32_t i = 0; i < entry.groups; i++)
            places.insert(std::uint64_t{page.page} * packing.groups_per_page + entry.first_group +
                          i);
    }
    EXPECT_EQ(places.size(), groups);
    if (!places.empty()) {
        EXPECT_LT(*places.rbegin(), packing.pages * packing.groups_per_page);
    }
    return groups;
}

/// Pages and slices in the order in which the rows come: each follows the last, and few pages are
/// unfinished.
void
check_order(const Packed &packed)
{
    const Packing &packing = packed.packing;
    std::uint64_t next = 0;
    std::set<std::uint32_t> unfinished;
    std::vector<std::uint32_t> slices(packing.shared_count), groups(packing.shared_count);
    for (std::uint32_t list = 0; list < packing.lists; list++) {
        const PackedList &entry = packing.packed[list];
        EXPECT_EQ(entry.run_start, next);
        next += entry.run_pages;
        if (entry.shared == kNoPage)
            continue;
        EXPECT_EQ(entry.slice, slices[entry.shared]++);
        EXPECT_EQ(entry.first_group, groups[entry.shared]);
        groups[entry.shared] += entry.groups;
        unfinished.insert(entry.shared);
        EXPECT_LE(unfinished.size(), packing.window + kCarriedPages);
        if (packing.shared[entry.shared].last_list == list) {
            EXPECT_EQ(packing.shared[entry.shared].page, next++);
            unfinished.erase(entry.shared);
        }
    }
    EXPECT_TRUE(unfinished.empty());
    EXPECT_EQ(next, packing.pages);
}

double
fill(const std::vector<std::uint32_t> &rows, std::uint32_t groups_per_page, std::uint32_t window)
{
    const Packed packed = pack(rows, groups_per_page, window);
    const std::uint64_t groups = check(packed, rows);
    check_order(packed);
    return static_cast<double>(groups) /
           static_cast<double>(packed.packing.pages * groups_per_page);
}

std::vector<std::uint32_t>
random_rows(std::size_t lists, double mean, unsigned seed)
{
    std::mt19937 random(seed);
    std::gamma_distribution<double> rows(2.0, mean / 2.0);
    std::vector<std::uint32_t> result;
    for (std::size_t i = 0; i < lists; i++)
        result.push_back(static_cast<std::uint32_t>(rows(random)));
    return result;
}

} // namespace

TEST(Pack, pages_are_full)
{
    for (const std::uint32_t groups : {2u, 3u, 4u, 9u, 19u})
        for (const double mean : {30.0, 170.0, 1000.0})
            EXPECT_GE(fill(random_rows(3000, mean, 7), groups, 256), 0.97)
                << groups << " groups per page, " << mean << " rows per list";
}

TEST(Pack, small_windows)
{
    EXPECT_GE(fill(random_rows(2000, 170, 3), 9, 16), 0.95);
    fill(random_rows(500, 170, 3), 9, 1);
}

TEST(Pack, one_group_per_page)
{
    EXPECT_EQ(fill(random_rows(100, 100, 5), 1, 16), 1.0);
}

TEST(Pack, the_most_groups)
{
    fill(random_rows(300, 4000, 5), 255, 64);
}

TEST(Pack, left_overs_that_do_not_fit_together)
{
    EXPECT_NEAR(fill(std::vector<std::uint32_t>(1000, 5 * 32), 9, 256), 5.0 / 9, 1e-9);
}

TEST(Pack, empty_lists)
{
    const std::vector<std::uint32_t> rows(100, 0);
    const Packed packed = pack(rows, 9, 16);
    EXPECT_EQ(check(packed, rows), 0u);
    EXPECT_EQ(packed.packing.pages, 0u);
}

TEST(Pack, one_row)
{
    const std::vector<std::uint32_t> rows = {0, 1, 0};
    const Packed packed = pack(rows, 9, 16);
    EXPECT_EQ(check(packed, rows), 1u);
    check_order(packed);
    EXPECT_EQ(packed.packing.pages, 1u);
}

} // namespace vx::ivfrabitq
