// SPDX-License-Identifier: PostgreSQL
#include "cli/half.hpp"

#include <cmath>
#include <gtest/gtest.h>

using cli::half_to_float;

TEST(Half, KnownValues)
{
    EXPECT_EQ(half_to_float(0x3c00), 1.0f);
    EXPECT_EQ(half_to_float(0xc000), -2.0f);
    EXPECT_EQ(half_to_float(0x7bff), 65504.0f);
    EXPECT_EQ(half_to_float(0x3555), 0.333251953125f);
    EXPECT_TRUE(std::isnan(half_to_float(0x7e00)));
    EXPECT_EQ(half_to_float(0xfc00), -INFINITY);
}

TEST(Half, EveryFiniteValueIsItsDefinition)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        const int exponent = h >> 10 & 0x1f;
        const int fraction = h & 0x3ff;
        if (exponent == 0x1f)
            continue;
        double expected =
            exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
        if (h & 0x8000)
            expected = -expected;
        const float got = half_to_float(static_cast<uint16_t>(h));
        ASSERT_EQ(static_cast<double>(got), expected) << h;
        ASSERT_EQ(std::signbit(got), (h & 0x8000) != 0) << h;
    }
}
