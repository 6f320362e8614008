// SPDX-License-Identifier: PostgreSQL
//
// Rows as text for people: columns padded to equal width, the last one cut at the terminal's edge.
#pragma once

#include <string>
#include <vector>

namespace cli
{

/// Width in characters, continuation bytes of UTF-8 not counted.
size_t display_width(const std::string &text);
/// The first `width` characters, with an ellipsis when that cuts something off.
std::string clip(const std::string &text, size_t width);

/// One header line, a rule, the rows. `width` = 0: no limit.
std::string table_text(const std::vector<std::string> &header,
                       const std::vector<std::vector<std::string>> &rows, size_t width);

} // namespace cli
