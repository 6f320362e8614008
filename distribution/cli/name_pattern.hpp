// SPDX-License-Identifier: PostgreSQL
//
// Names with wildcards, as psql's \d takes them: `*` stands for anything, `?` for one character, a
// dot separates the schema; what is not in double quotes is folded to lower case.
#pragma once

#include <string>

namespace cli
{

/// Regular expressions for the whole name. An empty schema: any.
struct NamePattern {
    std::string schema;
    std::string name;
};

/// Raises UsageError for a pattern that cannot be one of schema and name.
NamePattern parse_name_pattern(const std::string &pattern);

} // namespace cli
