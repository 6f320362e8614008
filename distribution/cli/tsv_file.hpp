// SPDX-License-Identifier: PostgreSQL
//
// Tab-separated columns in PostgreSQL's text format, with the column names in the first line: the
// columns that stand beside a file of vectors, row by row.
#pragma once

#include "cli/byte_source.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cli
{

/// nullopt is NULL (\N in the file).
using Field = std::optional<std::string>;

class TsvFile
{
  public:
    /// Reads the header; raises CommandError when there is none.
    explicit TsvFile(const std::string &path);

    const std::vector<std::string> &columns() const { return columns_; }

    /// The next line's fields, unescaped; false at the end. Raises CommandError with the line's
    /// number when a line has more or fewer fields than the header.
    bool next(std::vector<Field> &fields);

  private:
    ByteSource source_;
    std::vector<std::string> columns_;
    std::string line_;
    int64_t line_number_ = 1;
};

} // namespace cli
