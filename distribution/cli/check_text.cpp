// SPDX-License-Identifier: PostgreSQL
#include "cli/check_text.hpp"

#include "cli/progress.hpp"

#include <cstdio>

namespace cli
{

std::string
problem_line(const std::string &index, const Problem &problem)
{
    std::string where;
    if (problem.block)
        where = "block " + std::to_string(*problem.block);
    if (problem.list)
        where += (where.empty() ? "list " : ", list ") + std::to_string(*problem.list);
    return index + ": " + (where.empty() ? "" : where + ": ") + problem.kind + ": " +
           problem.detail;
}

static std::string
counted(int64_t number, const char *one, const char *many)
{
    return with_thousands(number) + " " + (number == 1 ? one : many);
}

std::string
summary_line(const CheckSum &sum)
{
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%.1f", sum.seconds);
    std::string text = counted(sum.indexes, "index", "indexes") + ", " +
                       with_thousands((sum.bytes + 999'999) / 1'000'000) + " MB, in " + seconds +
                       " s: ";
    if (sum.problems == 0)
        text += "no problem";
    else
        text += counted(sum.problems, "problem", "problems") + " in " +
                counted(sum.with_problems, "index", "indexes");
    if (sum.not_checked > 0)
        text += "; " + counted(sum.not_checked, "index", "indexes") + " could not be checked";
    return text;
}

int
exit_status(const CheckSum &sum)
{
    if (sum.problems > 0)
        return 1;
    return sum.not_checked > 0 ? 2 : 0;
}

} // namespace cli
