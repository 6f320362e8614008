// SPDX-License-Identifier: PostgreSQL
#include "cli/copy_rows.hpp"
#include "cli/error.hpp"
#include "temporary_file.hpp"

#include <gtest/gtest.h>

using namespace cli;

namespace
{

std::string
bytes(std::initializer_list<int> values)
{
    return std::string(values.begin(), values.end());
}

const std::string kHeader = "PGCOPY\n\377\r\n" + std::string(9, '\0');

} // namespace

TEST(CopyRows, Binary)
{
    CopyRows rows(
        {{"id", ColumnKind::int4}, {"text", ColumnKind::text}, {"v", ColumnKind::vector}});
    ASSERT_TRUE(rows.binary());
    rows.begin_row();
    rows.put_number(-2);
    rows.put_field("ab");
    rows.put_vector({1.0f, -0.5f});
    rows.end_row();
    rows.finish();
    EXPECT_EQ(rows.data(), kHeader + bytes({0, 3}) + bytes({0, 0, 0, 4, 255, 255, 255, 254}) +
                               bytes({0, 0, 0, 2, 'a', 'b'}) +
                               bytes({0, 0, 0, 12, 0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xbf, 0, 0, 0}) +
                               bytes({255, 255}));
}

TEST(CopyRows, BinaryOfEachKind)
{
    CopyRows rows({{"a", ColumnKind::int2},
                   {"b", ColumnKind::int8},
                   {"c", ColumnKind::float4},
                   {"d", ColumnKind::float8},
                   {"e", ColumnKind::boolean},
                   {"f", ColumnKind::jsonb},
                   {"g", ColumnKind::text}});
    rows.clear();
    rows.begin_row();
    for (const char *value : {"258", "-1", "1", "-2", "t", "{}"})
        rows.put_field(std::string(value));
    rows.put_field(std::nullopt);
    rows.end_row();
    EXPECT_EQ(rows.data(), bytes({0, 7}) + bytes({0, 0, 0, 2, 1, 2}) +
                               bytes({0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 255}) +
                               bytes({0, 0, 0, 4, 0x3f, 0x80, 0, 0}) +
                               bytes({0, 0, 0, 8, 0xc0, 0, 0, 0, 0, 0, 0, 0}) +
                               bytes({0, 0, 0, 1, 1}) + bytes({0, 0, 0, 3, 1, '{', '}'}) +
                               bytes({255, 255, 255, 255}));
}

TEST(CopyRows, TextWhereATypeIsUnknown)
{
    CopyRows rows({{"d", ColumnKind::other}, {"t", ColumnKind::text}, {"v", ColumnKind::vector}});
    ASSERT_FALSE(rows.binary());
    rows.begin_row();
    rows.put_field(std::nullopt);
    rows.put_field("a\tb\\\n\r");
    rows.put_vector({1.0f, 0.1f});
    rows.end_row();
    rows.finish();
    EXPECT_EQ(rows.data(), "\\N\ta\\tb\\\\\\n\\r\t[1,0.1]\n");
}

TEST(CopyRows, ValuesThatAreNone)
{
    CopyRows rows({{"id", ColumnKind::int2}});
    for (const char *value : {"", "x", "1.5", "40000", " 1", "1 "}) {
        rows.begin_row();
        EXPECT_NE(
            message_of<CommandError>([&] { rows.put_field(std::string(value)); }).find("column id"),
            std::string::npos)
            << value;
    }
}

TEST(CopyRows, KindsByTypeName)
{
    EXPECT_EQ(column_kind("varchar"), ColumnKind::text);
    EXPECT_EQ(column_kind("vector"), ColumnKind::vector);
    EXPECT_EQ(column_kind("timestamptz"), ColumnKind::other);
    EXPECT_EQ(column_kind("halfvec"), ColumnKind::other);
}
