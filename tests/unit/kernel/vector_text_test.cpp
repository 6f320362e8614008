// SPDX-License-Identifier: PostgreSQL
//
// The reader of vectors' text against strtof() and against a plain reader of the same grammar.
// Every text lies in an allocation of its exact size, so that the address sanitizer sees any byte
// read beyond it.
#include "kernel/vector_text.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace
{

using vx::kernel::TextStatus;
using vx::kernel::VectorTextReader;

constexpr int kMaxElements = 16000;

struct Outcome {
    TextStatus status = TextStatus::done;
    std::vector<float> values;
    std::string token;
};

/// Reads with room for `capacity` values at first, growing by `step`.
Outcome
read_text(const std::string &text, int capacity = kMaxElements, int step = 1,
          int max_elements = kMaxElements)
{
    const std::unique_ptr<char[]> exact(new char[text.size() + 1]);
    std::memcpy(exact.get(), text.c_str(), text.size() + 1);

    Outcome outcome;
    outcome.values.resize(static_cast<std::size_t>(capacity));
    VectorTextReader reader(exact.get(), text.size(), max_elements);
    for (;;) {
        outcome.status = reader.read(outcome.values.data(), capacity);
        if (outcome.status != TextStatus::need_space)
            break;
        capacity += step;
        outcome.values.resize(static_cast<std::size_t>(capacity));
    }
    outcome.values.resize(static_cast<std::size_t>(reader.count()));
    if (outcome.status == TextStatus::out_of_range)
        outcome.token.assign(reader.token(), reader.token_length());
    return outcome;
}

bool
is_space(char c)
{
    return std::strchr(" \t\n\r\v\f", c) != nullptr && c != '\0';
}

/// The grammar of vector_text.hpp with strtof() for every number: slow and plain.
Outcome
read_plainly(const std::string &text)
{
    Outcome outcome;
    const char *p = text.c_str();
    const auto skip = [&] {
        while (is_space(*p))
            p++;
    };
    const auto end_with = [&](TextStatus status) {
        outcome.status = status;
        return outcome;
    };

    skip();
    if (*p++ != '[')
        return end_with(TextStatus::missing_bracket);
    skip();
    if (*p == ']')
        return end_with(TextStatus::no_elements);
    for (;;) {
        skip();
        char *stop;
        const float value = std::strtof(p, &stop);
        const std::string token(p, static_cast<std::size_t>(stop - p));
        if (token.empty())
            return end_with(TextStatus::syntax_error);
        if (std::isnan(value))
            return end_with(TextStatus::not_a_number);
        if (std::isinf(value)) {
            if (token.find_first_of("0123456789") == std::string::npos)
                return end_with(TextStatus::infinite);
            outcome.token = token;
            return end_with(TextStatus::out_of_range);
        }
        outcome.values.push_back(value);
        p = stop;
        skip();
        if (*p == ']')
            break;
        if (*p++ != ',')
            return end_with(TextStatus::syntax_error);
    }
    p++;
    skip();
    return end_with(*p == '\0' ? TextStatus::done : TextStatus::trailing_text);
}

std::uint32_t
bits_of(float value)
{
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
}

float
float_of(std::uint32_t bits)
{
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

void
expect_same(const std::string &text)
{
    const Outcome expected = read_plainly(text);
    const Outcome got = read_text(text);
    ASSERT_EQ(got.status, expected.status) << text;
    ASSERT_EQ(got.token, expected.token) << text;
    ASSERT_EQ(got.values.size(), expected.values.size()) << text;
    for (std::size_t i = 0; i < got.values.size(); i++)
        ASSERT_EQ(bits_of(got.values[i]), bits_of(expected.values[i])) << text << " element " << i;
}

template <class... Arguments>
std::string
format(const char *pattern, Arguments... arguments)
{
    char buffer[512];
    const int length = std::snprintf(buffer, sizeof(buffer), pattern, arguments...);
    EXPECT_LT(length, static_cast<int>(sizeof(buffer)));
    return buffer;
}

float
random_finite_float(std::mt19937_64 &random)
{
    for (;;) {
        const float value = float_of(static_cast<std::uint32_t>(random()));
        if (std::isfinite(value))
            return value;
    }
}

TEST(VectorText, ReadsNumbers)
{
    const Outcome outcome = read_text(" [ 1,-2.5,\t+3e2 ,.5 , 7. ,-0,1E-3\n] ");
    ASSERT_EQ(outcome.status, TextStatus::done);
    const std::vector<float> expected = {1.0f, -2.5f, 300.0f, 0.5f, 7.0f, -0.0f, 0.001f};
    EXPECT_EQ(outcome.values, expected);
    EXPECT_TRUE(std::signbit(outcome.values[5]));
}

TEST(VectorText, NamesWhatIsWrong)
{
    const struct {
        const char *text;
        TextStatus status;
    } cases[] = {
        {"", TextStatus::missing_bracket},
        {"  ", TextStatus::missing_bracket},
        {"1,2", TextStatus::missing_bracket},
        {"{1,2}", TextStatus::missing_bracket},
        {"[]", TextStatus::no_elements},
        {" [ \t] ", TextStatus::no_elements},
        {"[", TextStatus::syntax_error},
        {"[ ", TextStatus::syntax_error},
        {"[,1]", TextStatus::syntax_error},
        {"[1", TextStatus::syntax_error},
        {"[1,", TextStatus::syntax_error},
        {"[1,]", TextStatus::syntax_error},
        {"[1,,2]", TextStatus::syntax_error},
        {"[1 2]", TextStatus::syntax_error},
        {"[1;2]", TextStatus::syntax_error},
        {"[1a]", TextStatus::syntax_error},
        {"[1e]", TextStatus::syntax_error},
        {"[1e+]", TextStatus::syntax_error},
        {"[.]", TextStatus::syntax_error},
        {"[-]", TextStatus::syntax_error},
        {"[+-1]", TextStatus::syntax_error},
        {"[--1]", TextStatus::syntax_error},
        {"[1.2.3]", TextStatus::syntax_error},
        {"[e5]", TextStatus::syntax_error},
        {"[\xc3\xa4]", TextStatus::syntax_error},
        {"[1]]", TextStatus::trailing_text},
        {"[1] 2", TextStatus::trailing_text},
        {"[nan]", TextStatus::not_a_number},
        {"[1,NaN]", TextStatus::not_a_number},
        {"[nan(7)]", TextStatus::not_a_number},
        {"[inf]", TextStatus::infinite},
        {"[-Infinity,1]", TextStatus::infinite},
        {"[4e38]", TextStatus::out_of_range},
        {"[-1e99999999999999999999]", TextStatus::out_of_range},
        {"[1,1e-99999999999999999999]", TextStatus::done},
        {"[0e99999999999999999999]", TextStatus::done},
        {"[0x1p3]", TextStatus::done},
        {"[1.0000000000000000000000000000000000000000000000001]", TextStatus::done},
    };

    for (const auto &c : cases) {
        EXPECT_EQ(read_text(c.text).status, c.status) << c.text;
        expect_same(c.text);
    }
}

TEST(VectorText, QuotesTheNumberOutOfRange)
{
    EXPECT_EQ(read_text("[1, -4e38 ,2]").token, "-4e38");
    EXPECT_EQ(read_text("[1e1000]").token, "1e1000");
}

TEST(VectorText, StopsAtTheLimit)
{
    EXPECT_EQ(read_text("[1,2,3]", 3, 1, 3).status, TextStatus::done);
    EXPECT_EQ(read_text("[1,2,3,4]", 3, 1, 3).status, TextStatus::too_many);
    // The limit is met before the fourth number is looked at.
    EXPECT_EQ(read_text("[1,2,3,x]", 3, 1, 3).status, TextStatus::too_many);
}

TEST(VectorText, GoesOnWithMoreRoom)
{
    std::string text = "[0";
    for (int i = 1; i < 500; i++)
        text += format(" , %d.%03d", i, i);
    text += "]";
    const Outcome whole = read_text(text);
    ASSERT_EQ(whole.status, TextStatus::done);
    ASSERT_EQ(whole.values.size(), 500u);
    for (const int step : {1, 7, 499})
        EXPECT_EQ(read_text(text, 1, step).values, whole.values) << step;
}

TEST(VectorText, FloatsComeBackBitForBit)
{
    std::mt19937_64 random(1);
    for (int round = 0; round < 400; round++) {
        std::vector<float> values;
        std::string text = "[";
        for (int i = 0; i < 100; i++) {
            const float value = random_finite_float(random);
            char shortest[64];
            switch (i % 4) {
            case 0:
                text.append(shortest, std::to_chars(shortest, shortest + 64, value).ptr);
                break;
            case 1:
                text += format("%.9g", static_cast<double>(value));
                break;
            case 2:
                text += format("%.17g", static_cast<double>(value));
                break;
            case 3:
                text += format("%a", static_cast<double>(value));
                break;
            }
            text += ',';
            values.push_back(value);
        }
        text.back() = ']';
        const Outcome outcome = read_text(text);
        ASSERT_EQ(outcome.status, TextStatus::done);
        ASSERT_EQ(outcome.values.size(), values.size());
        for (std::size_t i = 0; i < values.size(); i++)
            ASSERT_EQ(bits_of(outcome.values[i]), bits_of(values[i])) << text;
    }
}

// What embeddings look like: many digits, small exponents.
TEST(VectorText, DecimalsRoundAsStrtof)
{
    std::mt19937_64 random(2);
    for (int round = 0; round < 200000; round++) {
        std::string number;
        if (random() % 2 == 0)
            number = "-";
        const auto digits = [&](unsigned most) {
            for (auto n = random() % (most + 1); n > 0; n--)
                number += static_cast<char>('0' + random() % 10);
        };
        digits(round % 3 == 0 ? 12 : 1);
        number += '.';
        digits(round % 5 == 0 ? 40 : 18);
        if (round % 7 == 0)
            number += format("e%d", static_cast<int>(random() % 100) - 50);
        expect_same("[" + number + ",0.123456789,0.1234567890123456]");
        if (HasFatalFailure())
            return;
    }
}

// The hardest inputs: exact midpoints between two floats, and the nearest decimals beside them.
TEST(VectorText, MidpointsRoundAsStrtof)
{
    std::mt19937_64 random(3);
    for (int round = 0; round < 20000; round++) {
        const float value = std::fabs(random_finite_float(random));
        const float next = std::nextafter(value, INFINITY);
        if (std::isinf(next))
            continue;
        const double midpoint = static_cast<double>(value) / 2 + static_cast<double>(next) / 2;
        for (const double near :
             {midpoint, std::nextafter(midpoint, 0.0), std::nextafter(midpoint, INFINITY)}) {
            expect_same(format("[%.17g]", near));
            expect_same(format("[%.18g]", near));
            expect_same(format("[%.150g]", near));
            if (HasFatalFailure())
                return;
        }
    }
}

TEST(VectorText, EdgesOfTheRange)
{
    for (const char *number : {"3.4028234663852886e38",
                               "3.4028235e38",
                               "3.40282356e38",
                               "3.40282357e38",
                               "3.4028235677973366e38",
                               "3.4028235677973365e38",
                               "340282346638528859811704183484516925440",
                               "1.17549435e-38",
                               "1.1754943e-38",
                               "1.1754942e-38",
                               "1.4e-45",
                               "7.1e-46",
                               "7.0e-46",
                               "1e-46",
                               "1e-400",
                               "0.000000000000000000000000000000000000011754943508222875",
                               "16777217",
                               "16777219",
                               "9007199254740993",
                               "999999999999999999",
                               "9999999999999999999",
                               "00000000000000000000000000000000000000001",
                               "0.00000000000000000000000000000000001"}) {
        expect_same("[" + std::string(number) + "]");
        expect_same("[-" + std::string(number) + ", 0.5]");
    }
}

TEST(VectorText, GarbageIsReadAsThePlainReaderDoes)
{
    static const char alphabet[] =
        "0123456789012345678901234567890.....,,,,,,]] [\t\n+-eExXpPinfa()\xff";
    std::mt19937_64 random(4);
    for (int round = 0; round < 200000; round++) {
        std::string text = round % 8 == 0 ? "" : "[";
        for (auto n = random() % 40; n > 0; n--)
            text += alphabet[random() % (sizeof(alphabet) - 1)];
        if (round % 2 == 0)
            text += ']';
        expect_same(text);
        if (HasFatalFailure())
            return;
    }
}

// One byte changed in a valid text.
TEST(VectorText, DamagedTextIsReadAsThePlainReaderDoes)
{
    std::mt19937_64 random(5);
    for (int round = 0; round < 50000; round++) {
        std::string text = "[";
        for (int i = 0; i < 6; i++)
            text += format("%.9g,", static_cast<double>(random_finite_float(random)));
        text.back() = ']';
        char byte = static_cast<char>(random());
        if (byte == '\0')
            byte = ' ';
        text[random() % text.size()] = byte;
        expect_same(text);
        if (HasFatalFailure())
            return;
    }
}

} // namespace
