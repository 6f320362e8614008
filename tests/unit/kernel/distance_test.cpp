// SPDX-License-Identifier: PostgreSQL
//
// Every instruction set against a float64 reference, within the bound that distance.hpp states.
#include "kernel/distance.hpp"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace
{

using vx::kernel::CosineTerms;
using vx::kernel::distance_error_bound;
using vx::kernel::distance_kernels;
using vx::kernel::distance_kernels_for;
using vx::kernel::DistanceKernels;
using vx::kernel::Isa;
using vx::kernel::isa_name;

/// A sum in float64 with the sum of its terms' absolute values, to which the bound refers.
struct Exact {
    double sum = 0;
    double magnitude = 0;

    void add(double term)
    {
        sum += term;
        magnitude += std::fabs(term);
    }
};

Exact
exact_l2_squared(const float *a, const float *b, std::size_t n)
{
    Exact e;
    for (std::size_t i = 0; i < n; i++)
        e.add((double(a[i]) - b[i]) * (double(a[i]) - b[i]));
    return e;
}

Exact
exact_inner_product(const float *a, const float *b, std::size_t n)
{
    Exact e;
    for (std::size_t i = 0; i < n; i++)
        e.add(double(a[i]) * b[i]);
    return e;
}

Exact
exact_l1(const float *a, const float *b, std::size_t n)
{
    Exact e;
    for (std::size_t i = 0; i < n; i++)
        e.add(std::fabs(double(a[i]) - b[i]));
    return e;
}

/// A product below the normal range is rounded to a multiple of 2^-149, whatever its size.
void
expect_near(const Exact &exact, float got, std::size_t n, const char *what)
{
    const double underflow = double(n) * std::numeric_limits<float>::denorm_min();
    EXPECT_NEAR(exact.sum, got, distance_error_bound(n) * exact.magnitude + underflow)
        << what << " n=" << n;
}

void
check_pair(const DistanceKernels &k, const float *a, const float *b, std::size_t n)
{
    expect_near(exact_l2_squared(a, b, n), k.l2_squared(a, b, n), n, "l2_squared");
    expect_near(exact_inner_product(a, b, n), k.inner_product(a, b, n), n, "inner_product");
    expect_near(exact_l1(a, b, n), k.l1(a, b, n), n, "l1");

    const CosineTerms terms = k.cosine_terms(a, b, n);
    expect_near(exact_inner_product(a, b, n), terms.dot, n, "cosine dot");
    expect_near(exact_inner_product(a, a, n), terms.norm_a, n, "cosine norm_a");
    expect_near(exact_inner_product(b, b, n), terms.norm_b, n, "cosine norm_b");

    const double norm = std::sqrt(exact_inner_product(a, a, n).sum);
    EXPECT_NEAR(norm, k.l2_norm(a, n), norm * 1e-12) << "l2_norm n=" << n;
}

std::vector<std::size_t>
dimensions()
{
    std::vector<std::size_t> dims;
    for (std::size_t n = 0; n <= 130; n++)
        dims.push_back(n);
    for (std::size_t n : {384, 768, 1536, 2000, 16000})
        dims.push_back(n);
    return dims;
}

class DistanceTest : public testing::TestWithParam<Isa>
{
  protected:
    void SetUp() override
    {
        kernels_ = distance_kernels_for(GetParam());
        if (kernels_ == nullptr)
            GTEST_SKIP() << "this processor has no " << isa_name(GetParam());
    }

    /// `n` random floats at an address that is aligned as a float, not as a vector register, in a
    /// buffer of exact size: the address sanitizer then sees a read past either end.
    struct Row {
        std::vector<float> buffer;
        std::size_t shift;

        float *data() { return buffer.data() + shift; }
    };

    Row random_row(std::size_t n, std::size_t shift, float scale = 1.0f)
    {
        std::normal_distribution<float> normal;
        Row row{std::vector<float>(n + shift), shift};
        for (float &x : row.buffer)
            x = normal(random_) * scale;
        return row;
    }

    const DistanceKernels *kernels_ = nullptr;
    std::mt19937 random_{42};
};

TEST_P(DistanceTest, TableNamesItsInstructionSet)
{
    EXPECT_EQ(GetParam(), kernels_->isa);
}

TEST_P(DistanceTest, RandomVectorsAtAnyAddress)
{
    for (std::size_t n : dimensions())
        for (std::size_t shift = 0; shift < 4; shift++) {
            Row a = random_row(n, shift);
            Row b = random_row(n, 3 - shift);
            check_pair(*kernels_, a.data(), b.data(), n);
        }
}

TEST_P(DistanceTest, NothingOutsideTheVectorsCounts)
{
    for (std::size_t n = 0; n <= 130; n++) {
        std::vector<float> a(n + 64, std::numeric_limits<float>::quiet_NaN());
        std::vector<float> b = a;
        for (std::size_t i = 0; i < n; i++) {
            a[i + 32] = float(i % 7);
            b[i + 32] = float(i % 5);
        }
        check_pair(*kernels_, a.data() + 32, b.data() + 32, n);
    }
}

TEST_P(DistanceTest, SmallIntegersAreExact)
{
    for (std::size_t n : dimensions()) {
        std::vector<float> a(n);
        std::vector<float> b(n);
        for (std::size_t i = 0; i < n; i++) {
            a[i] = float(int(i * 7 % 11) - 5);
            b[i] = float(int(i * 5 % 13) - 6);
        }
        EXPECT_EQ(exact_l2_squared(a.data(), b.data(), n).sum,
                  kernels_->l2_squared(a.data(), b.data(), n));
        EXPECT_EQ(exact_inner_product(a.data(), b.data(), n).sum,
                  kernels_->inner_product(a.data(), b.data(), n));
        EXPECT_EQ(exact_l1(a.data(), b.data(), n).sum, kernels_->l1(a.data(), b.data(), n));
    }
}

TEST_P(DistanceTest, ZerosDenormalsAndHugeValues)
{
    const float denormal = std::numeric_limits<float>::denorm_min();
    for (std::size_t n : {1, 3, 8, 16, 17, 33, 64, 100, 130}) {
        const std::vector<float> zeros(n, 0.0f);
        check_pair(*kernels_, zeros.data(), zeros.data(), n);

        const std::vector<float> tiny(n, denormal);
        check_pair(*kernels_, tiny.data(), zeros.data(), n);
        EXPECT_EQ(float(n) * denormal, kernels_->l1(tiny.data(), zeros.data(), n));

        Row a = random_row(n, 1, 1e-20f); // products underflow to denormals
        Row b = random_row(n, 2, 1e-20f);
        check_pair(*kernels_, a.data(), b.data(), n);

        Row c = random_row(n, 1, 1e17f);
        Row d = random_row(n, 2, 1e17f);
        check_pair(*kernels_, c.data(), d.data(), n);
    }
}

TEST_P(DistanceTest, OverflowIsInfinityAndTheNormSurvivesIt)
{
    for (std::size_t n : {1, 7, 16, 65}) {
        const std::vector<float> huge(n, std::numeric_limits<float>::max());
        const std::vector<float> zeros(n, 0.0f);
        EXPECT_TRUE(std::isinf(kernels_->l2_squared(huge.data(), zeros.data(), n)));
        EXPECT_TRUE(std::isinf(kernels_->inner_product(huge.data(), huge.data(), n)));
        EXPECT_DOUBLE_EQ(std::sqrt(double(n)) * double(std::numeric_limits<float>::max()),
                         kernels_->l2_norm(huge.data(), n));
    }
}

TEST_P(DistanceTest, NanReachesTheResultFromEveryPosition)
{
    for (std::size_t n : {1, 8, 15, 16, 17, 64, 100})
        for (std::size_t i = 0; i < n; i++) {
            std::vector<float> a(n, 1.0f);
            const std::vector<float> b(n, 2.0f);
            a[i] = std::numeric_limits<float>::quiet_NaN();
            EXPECT_TRUE(std::isnan(kernels_->l2_squared(a.data(), b.data(), n)));
            EXPECT_TRUE(std::isnan(kernels_->inner_product(a.data(), b.data(), n)));
            EXPECT_TRUE(std::isnan(kernels_->l1(a.data(), b.data(), n)));
        }
}

TEST_P(DistanceTest, ABatchEqualsItsRowsBitForBit)
{
    for (std::size_t n : dimensions()) {
        const std::size_t most = n > 2000 ? 5 : 11;
        for (std::size_t count = 0; count <= most; count++) {
            const std::size_t stride = n + count % 3;
            Row query = random_row(n, 1);
            Row rows = random_row(count == 0 ? 0 : (count - 1) * stride + n, 2);
            std::vector<float> l2(count + 1, -7.0f);
            std::vector<float> ip(count + 1, -7.0f);
            kernels_->l2_squared_batch(query.data(), rows.data(), stride, count, n, l2.data());
            kernels_->inner_product_batch(query.data(), rows.data(), stride, count, n, ip.data());
            for (std::size_t i = 0; i < count; i++) {
                const float *row = rows.data() + i * stride;
                EXPECT_EQ(kernels_->l2_squared(query.data(), row, n), l2[i]);
                EXPECT_EQ(kernels_->inner_product(query.data(), row, n), ip[i]);
            }
            EXPECT_EQ(-7.0f, l2[count]) << "wrote past the end";
            EXPECT_EQ(-7.0f, ip[count]) << "wrote past the end";
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Isa, DistanceTest, testing::Values(Isa::scalar, Isa::avx2, Isa::avx512),
                         [](const testing::TestParamInfo<Isa> &parameter) {
                             return std::string(isa_name(parameter.param));
                         });

TEST(Dispatch, ChoosesTheWidestSetThereIs)
{
    ASSERT_NE(nullptr, distance_kernels_for(Isa::scalar));
    const DistanceKernels *widest = distance_kernels_for(Isa::scalar);
    for (Isa isa : {Isa::avx2, Isa::avx512})
        if (const DistanceKernels *kernels = distance_kernels_for(isa))
            widest = kernels;
    EXPECT_EQ(widest, &distance_kernels());
}

} // namespace
