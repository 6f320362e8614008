// SPDX-License-Identifier: PostgreSQL
//
// Half precision: every half, the floats around every half, and the processor's own conversion.
#include "kernel/rabitq.hpp"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace
{

using vx::kernel::float_from_half;
using vx::kernel::half_from_float;

std::uint32_t
bits_of(float x)
{
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    return bits;
}

float
from_bits(std::uint32_t bits)
{
    float x;
    std::memcpy(&x, &bits, sizeof(x));
    return x;
}

TEST(Half, EveryHalfComesBack)
{
    for (std::uint32_t h = 0; h <= 0xffff; h++) {
        const auto half = std::uint16_t(h);
        const float value = float_from_half(half);
        if (std::isnan(value))
            EXPECT_EQ(half | 0x200, half_from_float(value));
        else
            ASSERT_EQ(half, half_from_float(value));
    }
}

TEST(Half, HasTheValuesOfTheStandard)
{
    EXPECT_EQ(1.0f, float_from_half(0x3c00));
    EXPECT_EQ(-2.0f, float_from_half(0xc000));
    EXPECT_EQ(65504.0f, float_from_half(0x7bff));
    EXPECT_EQ(0x1p-14f, float_from_half(0x0400));
    EXPECT_EQ(0x1p-24f, float_from_half(0x0001));
    EXPECT_EQ(std::numeric_limits<float>::infinity(), float_from_half(0x7c00));
    EXPECT_TRUE(std::signbit(float_from_half(0x8000)));
}

TEST(Half, RoundsToNearestEven)
{
    for (std::uint16_t half = 0; half < 0x7bff; half++) {
        const float below = float_from_half(half);
        const float above = float_from_half(std::uint16_t(half + 1));
        const float middle = (below + above) / 2; // exact
        ASSERT_EQ(half % 2 == 0 ? half : half + 1, half_from_float(middle));
        ASSERT_EQ(half, half_from_float(std::nextafter(middle, 0.0f)));
        ASSERT_EQ(half + 1, half_from_float(std::nextafter(middle, 1e30f)));
        ASSERT_EQ(0x8000 | half, half_from_float(-below));
    }
    EXPECT_EQ(0x7bff, half_from_float(std::nextafter(65520.0f, 0.0f)));
    EXPECT_EQ(0x7c00, half_from_float(65520.0f));
    EXPECT_EQ(0xfc00, half_from_float(-1e38f));
    EXPECT_EQ(0x0000, half_from_float(0x1p-25f));
    EXPECT_EQ(0x8000, half_from_float(-std::numeric_limits<float>::denorm_min()));
}

#if defined(__x86_64__)

__attribute__((target("f16c"))) void
compare_with_processor()
{
    for (std::uint32_t h = 0; h <= 0xffff; h++)
        ASSERT_EQ(bits_of(_cvtsh_ss(std::uint16_t(h))), bits_of(float_from_half(std::uint16_t(h))));
    constexpr std::uint32_t step = 1021; // a prime: all exponents, and fractions of every kind
    for (std::uint64_t bits = 0; bits <= 0xffffffffu; bits += step) {
        const float x = from_bits(std::uint32_t(bits));
        ASSERT_EQ(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT), half_from_float(x)) << bits;
    }
}

TEST(Half, ConvertsAsTheProcessorDoes)
{
    if (!__builtin_cpu_supports("f16c"))
        GTEST_SKIP() << "this processor has no F16C";
    compare_with_processor();
}

#endif

} // namespace
