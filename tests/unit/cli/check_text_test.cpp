// SPDX-License-Identifier: PostgreSQL
#include "cli/check_text.hpp"

#include <gtest/gtest.h>

using namespace cli;

TEST(CheckText, ProblemLine)
{
    EXPECT_EQ(problem_line("s.i", {7, 3, "chain", "it is a ring"}),
              "s.i: block 7, list 3: chain: it is a ring");
    EXPECT_EQ(problem_line("s.i", {7, std::nullopt, "page", "bad"}), "s.i: block 7: page: bad");
    EXPECT_EQ(problem_line("s.i", {std::nullopt, 3, "chain", "bad"}), "s.i: list 3: chain: bad");
    EXPECT_EQ(problem_line("s.i", {std::nullopt, std::nullopt, "missing row", "bad"}),
              "s.i: missing row: bad");
}

TEST(CheckText, Summary)
{
    CheckSum sum;
    sum.indexes = 1;
    sum.bytes = 8192;
    sum.seconds = 0.04;
    EXPECT_EQ(summary_line(sum), "1 index, 1 MB, in 0.0 s: no problem");
    EXPECT_EQ(exit_status(sum), 0);
    sum.not_checked = 1;
    EXPECT_EQ(summary_line(sum),
              "1 index, 1 MB, in 0.0 s: no problem; 1 index could not be checked");
    EXPECT_EQ(exit_status(sum), 2);
    sum = {1200, 3'000'000'001, 5, 2, 3, 12.34};
    EXPECT_EQ(summary_line(sum), "1,200 indexes, 3,001 MB, in 12.3 s: 5 problems in 2 indexes; "
                                 "3 indexes could not be checked");
    EXPECT_EQ(exit_status(sum), 1);
}
