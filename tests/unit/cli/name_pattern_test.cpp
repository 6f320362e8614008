// SPDX-License-Identifier: PostgreSQL
#include "cli/error.hpp"
#include "cli/name_pattern.hpp"

#include <gtest/gtest.h>

using namespace cli;

namespace
{

void
expect(const std::string &pattern, const std::string &schema, const std::string &name)
{
    const NamePattern found = parse_name_pattern(pattern);
    EXPECT_EQ(found.schema, schema) << pattern;
    EXPECT_EQ(found.name, name) << pattern;
}

} // namespace

TEST(NamePattern, Wildcards)
{
    expect("items_v", "", "^(items_v)$");
    expect("items*", "", "^(items.*)$");
    expect("public.item?_v", "^(public)$", "^(item._v)$");
    expect("*.*", "^(.*)$", "^(.*)$");
}

TEST(NamePattern, CaseAndQuotes)
{
    expect("Items", "", "^(items)$");
    expect("\"Items\"", "", "^(Items)$");
    expect("\"a.b*\".C", "^(a\\.b\\*)$", "^(c)$");
    expect("\"a\"\"b\"", "", "^(a\"b)$");
}

TEST(NamePattern, NothingElseIsSpecial)
{
    expect("a$b|c(d)[e]{f}^\\+", "", "^(a\\$b\\|c\\(d\\)\\[e\\]\\{f\\}\\^\\\\\\+)$");
}

TEST(NamePattern, Mistakes)
{
    for (const char *pattern : {"", ".", "a.", ".b", "a.b.c", "\"a", "\"\""})
        EXPECT_THROW(parse_name_pattern(pattern), UsageError) << pattern;
}
