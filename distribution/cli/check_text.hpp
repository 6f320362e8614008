// SPDX-License-Identifier: PostgreSQL
//
// What `vecmesh check` prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cli
{

/// A row of index_check().
struct Problem {
    std::optional<int64_t> block;
    std::optional<int64_t> list;
    std::string kind;
    std::string detail;
};

/// "schema.index: block 7, list 3: chain: the list does not end at its last page"
std::string problem_line(const std::string &index, const Problem &problem);

struct CheckSum {
    int64_t indexes = 0; // checked
    int64_t bytes = 0;
    int64_t problems = 0;
    int64_t with_problems = 0; // indexes
    int64_t not_checked = 0;
    double seconds = 0;
};

/// "3 indexes, 12 MB, in 0.4 s: no problem"
std::string summary_line(const CheckSum &sum);

/// 0: all is well, 1: there are problems, 2: there are none, but not everything was looked at.
int exit_status(const CheckSum &sum);

} // namespace cli
