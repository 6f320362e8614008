// SPDX-License-Identifier: PostgreSQL
#include "cli/error.hpp"
#include "cli/tsv_file.hpp"
#include "temporary_file.hpp"

#include <gtest/gtest.h>

using namespace cli;

TEST(TsvFile, HeaderAndRows)
{
    TemporaryFile file("id\ttext\r\n1\ta\\tb\\\\c\\n\r\n2\t\\N\n3\t");
    TsvFile tsv(file.path());
    EXPECT_EQ(tsv.columns(), (std::vector<std::string>{"id", "text"}));
    std::vector<Field> fields;
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_EQ(fields, (std::vector<Field>{"1", "a\tb\\c\n"}));
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_EQ(fields, (std::vector<Field>{"2", std::nullopt}));
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_EQ(fields, (std::vector<Field>{"3", ""}));
    EXPECT_FALSE(tsv.next(fields));
}

TEST(TsvFile, EmptyLineOfOneColumnIsAnEmptyField)
{
    TemporaryFile file("text\n\nx\n");
    TsvFile tsv(file.path());
    std::vector<Field> fields;
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_EQ(fields, (std::vector<Field>{""}));
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_FALSE(tsv.next(fields));
}

TEST(TsvFile, WrongNumberOfFields)
{
    TemporaryFile file("a\tb\n1\t2\n1\t2\t3\n");
    TsvFile tsv(file.path());
    std::vector<Field> fields;
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_NE(message_of<CommandError>([&] {
                  tsv.next(fields);
              }).find("line 3 has 3 fields, the header has 2"),
              std::string::npos);
}

TEST(TsvFile, NoHeader)
{
    TemporaryFile empty("");
    EXPECT_NE(message_of<CommandError>([&] { TsvFile tsv(empty.path()); }).find("no header"),
              std::string::npos);
}

TEST(TsvFile, LinesLongerThanTheBuffer)
{
    const std::string longer(1 << 20, 'x');
    TemporaryFile file("a\n" + longer + "\ny\n");
    TsvFile tsv(file.path());
    std::vector<Field> fields;
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_EQ(fields[0], longer);
    ASSERT_TRUE(tsv.next(fields));
    EXPECT_EQ(fields[0], "y");
}
