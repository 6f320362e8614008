// SPDX-License-Identifier: PostgreSQL
//
// The rotation: orthogonal, the same from the same seed, and no coordinate stays large.
#include "kernel/coding.hpp"
#include "kernel/rotation.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace
{

using vx::kernel::coding_kernels_for;
using vx::kernel::CodingKernels;
using vx::kernel::Isa;
using vx::kernel::isa_name;
using vx::kernel::make_rotation;
using vx::kernel::padded_dimensions;
using vx::kernel::rotation_words;

using Vector = std::vector<float>;

double
product(const Vector &a, const Vector &b)
{
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); i++)
        sum += double(a[i]) * double(b[i]);
    return sum;
}

class RotationTest : public testing::TestWithParam<std::size_t>
{
  protected:
    RotationTest() : signs_(rotation_words(padded_))
    {
        make_rotation(20250117, padded_, signs_.data());
    }

    Vector rotated(const Vector &x, float scale = 1) const
    {
        Vector out(padded_, -1.0f);
        vx::kernel::rotate(x.data(), x.size(), signs_.data(), padded_, scale, out.data());
        return out;
    }

    Vector random_vector(std::size_t n)
    {
        std::normal_distribution<float> normal;
        Vector x(n);
        for (float &value : x)
            value = normal(random_);
        return x;
    }

    const std::size_t padded_ = GetParam();
    std::vector<std::uint64_t> signs_;
    std::mt19937 random_{11};
};

TEST_P(RotationTest, KeepsLengthsAndProducts)
{
    for (int i = 0; i < 5; i++) {
        const Vector a = random_vector(padded_);
        const Vector b = random_vector(padded_);
        const double tolerance = 2e-6 * std::sqrt(product(a, a) * product(b, b));
        EXPECT_NEAR(product(a, b), product(rotated(a), rotated(b)), tolerance);
        EXPECT_NEAR(product(a, a), product(rotated(a), rotated(a)), 2e-6 * product(a, a));
        EXPECT_NEAR(4 * product(a, b), product(rotated(a, 2), rotated(b, 2)), 4 * tolerance);
    }
}

TEST_P(RotationTest, PadsWithZeroes)
{
    const Vector shorter = random_vector(padded_ - 63);
    Vector longer = shorter;
    longer.resize(padded_, 0.0f);
    EXPECT_EQ(rotated(longer), rotated(shorter));
    EXPECT_EQ(Vector(padded_, 0.0f), rotated(Vector{0.0f}));
}

/// The largest of padded^2 normal values of variance 1 / padded is about sqrt(4 ln(padded) /
/// padded), where a rotation that misses some coordinates leaves one near 1.
TEST_P(RotationTest, SpreadsUnitVectors)
{
    const auto n = double(padded_);
    const double bound = 1.25 * std::sqrt(4 * std::log(n) / n);
    for (std::size_t i = 0; i < padded_; i++) {
        Vector unit(padded_, 0.0f);
        unit[i] = 1;
        for (const float x : rotated(unit))
            ASSERT_LT(std::fabs(x), bound) << "unit vector " << i;
    }
}

/// A vector of equal values must not become a spike either.
TEST_P(RotationTest, SpreadsConstants)
{
    const auto n = double(padded_);
    for (const float x : rotated(Vector(padded_, float(1 / std::sqrt(n)))))
        EXPECT_LT(std::fabs(x), 1.25 * std::sqrt(4 * std::log(n) / n));
}

TEST_P(RotationTest, GivesTheSameBitsOnEveryPath)
{
    const Vector x = random_vector(padded_ - 5);
    const Vector expected = rotated(x, 0.25f);
    for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
        const CodingKernels *kernels = coding_kernels_for(isa);
        if (kernels == nullptr)
            continue;
        Vector out(padded_, -1.0f);
        kernels->rotate(x.data(), x.size(), signs_.data(), padded_, 0.25f, out.data());
        EXPECT_EQ(expected, out) << isa_name(isa);
    }
}

INSTANTIATE_TEST_SUITE_P(Padded, RotationTest,
                         testing::Values(64, 128, 192, 256, 320, 384, 768, 960, 1536, 1984, 2048),
                         testing::PrintToStringParamName());

/// What a seed means is part of the file format.
TEST(Rotation, FollowsFromItsSeed)
{
    std::uint64_t signs[rotation_words(64)];
    make_rotation(1234567, 64, signs);
    EXPECT_EQ(6457827717110365317u, signs[0]); // SplitMix64's known answers
    EXPECT_EQ(3203168211198807973u, signs[1]);
    EXPECT_EQ(9817491932198370423u, signs[2]);
    EXPECT_EQ(4593380528125082431u, signs[3]);

    Vector unit(64, 0.0f);
    unit[3] = 1;
    Vector out(64);
    vx::kernel::rotate(unit.data(), 64, signs, 64, 64.0f, out.data());
    const Vector expected = {-10, -7, 16, -11, -3, 10, 1, 12};
    EXPECT_EQ(expected, Vector(out.begin(), out.begin() + 8));
}

TEST(Rotation, PadsToAMultipleOf64)
{
    EXPECT_EQ(64u, padded_dimensions(0));
    EXPECT_EQ(64u, padded_dimensions(1));
    EXPECT_EQ(64u, padded_dimensions(64));
    EXPECT_EQ(128u, padded_dimensions(65));
    EXPECT_EQ(16000u, padded_dimensions(16000));
}

} // namespace
