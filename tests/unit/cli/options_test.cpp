// SPDX-License-Identifier: PostgreSQL
#include "cli/error.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/table_text.hpp"
#include "temporary_file.hpp"

#include <gtest/gtest.h>

using namespace cli;

namespace
{

const std::vector<OptionSpec> kSpecs = {{"table", "NAME", "the table"},
                                        {"k", "N", "how many"},
                                        {"set", "X", "repeatable\nsecond line"},
                                        {"quiet", nullptr, "hush"}};

std::string
usage_error(const std::vector<std::string> &arguments)
{
    return message_of<UsageError>([&] { Options options(kSpecs, arguments); });
}

} // namespace

TEST(Options, FormsAndPositional)
{
    const Options options(
        kSpecs, {"file", "--table=a=b", "-k", "5", "--set", "x", "--quiet", "--set=y", "-"});
    EXPECT_EQ(options.positional(), (std::vector<std::string>{"file", "-"}));
    EXPECT_EQ(options.get("table"), "a=b");
    EXPECT_EQ(options.number("k", 1, 1, 10), 5);
    EXPECT_EQ(options.all("set"), (std::vector<std::string>{"x", "y"}));
    EXPECT_TRUE(options.has("quiet"));
    EXPECT_EQ(Options(kSpecs, {"--table", "a", "--table", "b"}).get("table"), "b");
}

TEST(Options, Mistakes)
{
    EXPECT_EQ(usage_error({"--nope"}), "unknown option --nope");
    EXPECT_EQ(usage_error({"--k", "1"}), "unknown option --k");
    EXPECT_EQ(usage_error({"-table", "1"}), "unknown option -table");
    EXPECT_EQ(usage_error({"--table"}), "option --table needs a value");
    EXPECT_EQ(usage_error({"--quiet=1"}), "option --quiet takes no value");
    const Options options(kSpecs, {"-k", "11x"});
    EXPECT_THROW(options.number("k", 1, 1, 100), UsageError);
    EXPECT_THROW(Options(kSpecs, {"-k", "0"}).number("k", 1, 1, 100), UsageError);
    EXPECT_THROW(options.require("table"), UsageError);
}

TEST(Options, Help)
{
    EXPECT_EQ(describe_options({{"k", "N", "how many"}, {"set", "X", "one\ntwo"}}),
              "  -k N                    how many\n"
              "  --set X                 one\n"
              "                          two\n");
}

TEST(Progress, Bar)
{
    EXPECT_EQ(progress_bar(10000, "rows", 0.5, 2),
              "[############............] 50 %  10,000 rows  5,000 rows/s  2 s left");
    EXPECT_EQ(progress_bar(7, "MB", std::nullopt, 0), "7 MB");
    EXPECT_EQ(progress_bar(7, "MB", 1.5, 1), "[########################] 100 %  7 MB  7 MB/s");
    EXPECT_EQ(with_thousands(-1234567), "-1,234,567");
    EXPECT_EQ(with_thousands(-123), "-123");
    EXPECT_EQ(with_thousands(1000), "1,000");
}

TEST(TableText, PadsAndClips)
{
    EXPECT_EQ(table_text({"a", "text"}, {{"1", "größe"}, {"100", "x"}}, 0),
              "a    text\n---  -----\n1    größe\n100  x\n");
    EXPECT_EQ(clip("größer", 4), "grö…");
    EXPECT_EQ(clip("abc", 3), "abc");
    EXPECT_EQ(clip("abc", 0), "");
    EXPECT_EQ(display_width("größe"), 5u);
    EXPECT_EQ(table_text({"a", "b"}, {{"1", std::string(50, 'x')}}, 30).find(std::string(27, 'x')),
              std::string::npos);
}
