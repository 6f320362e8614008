// SPDX-License-Identifier: PostgreSQL
#include "kernel/sums.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

using namespace vx::kernel;

namespace
{

constexpr Isa kPaths[] = {Isa::scalar, Isa::avx2, Isa::avx512};
constexpr std::size_t kLengths[] = {0, 1, 3, 15, 16, 17, 64, 100, 384, 2000};

TEST(Sums, CodesOnEveryPathHaveTheBitsOfOneLoop)
{
    std::mt19937 random(1);
    std::uniform_int_distribution<int> code(-127, 127);
    std::uniform_real_distribution<float> number(-3, 3);
    for (Isa isa : kPaths) {
        const SumKernels *kernels = sum_kernels_for(isa);
        if (kernels == nullptr)
            continue;
        for (std::size_t n : kLengths) {
            std::vector<float> sums(n + 1), expected(n + 1);
            sums[n] = expected[n] = 42;
            for (int row = 0; row < 20; row++) {
                std::vector<std::int8_t> codes(n);
                const float scale = number(random);
                for (std::size_t i = 0; i < n; i++) {
                    codes[i] = static_cast<std::int8_t>(code(random));
                    volatile float product = scale * static_cast<float>(codes[i]); // not fused
                    expected[i] += product;
                }
                kernels->add_codes(sums.data(), codes.data(), scale, n);
            }
            EXPECT_EQ(std::memcmp(sums.data(), expected.data(), (n + 1) * sizeof(float)), 0)
                << isa_name(isa) << " " << n;
        }
    }
}

TEST(Sums, RowsOnEveryPathAndTheirLargest)
{
    std::mt19937 random(2);
    std::uniform_real_distribution<float> number(-3, 3);
    for (Isa isa : kPaths) {
        const SumKernels *kernels = sum_kernels_for(isa);
        if (kernels == nullptr)
            continue;
        for (std::size_t n : kLengths) {
            std::vector<double> sums(n + 1), expected(n + 1);
            sums[n] = expected[n] = 42;
            float largest = 0;
            float expected_largest = 0;
            for (int row = 0; row < 20; row++) {
                std::vector<float> values(n);
                for (std::size_t i = 0; i < n; i++) {
                    values[i] = number(random);
                    expected[i] += static_cast<double>(values[i]);
                    expected_largest = std::max(expected_largest, std::fabs(values[i]));
                }
                largest = kernels->add_row(sums.data(), values.data(), n, largest);
            }
            EXPECT_EQ(std::memcmp(sums.data(), expected.data(), (n + 1) * sizeof(double)), 0)
                << isa_name(isa) << " " << n;
            EXPECT_EQ(largest, expected_largest) << isa_name(isa) << " " << n;
        }
    }
}

TEST(Sums, TheLargestOfInfinityAndNan)
{
    for (Isa isa : kPaths) {
        const SumKernels *kernels = sum_kernels_for(isa);
        if (kernels == nullptr)
            continue;
        std::vector<double> sums(33);
        std::vector<float> row(33, -1.0f);
        EXPECT_EQ(kernels->add_row(sums.data(), row.data(), row.size(), 7), 7.0f);
        row[20] = -std::numeric_limits<float>::infinity();
        EXPECT_EQ(kernels->add_row(sums.data(), row.data(), row.size(), 0),
                  std::numeric_limits<float>::infinity());
        row[31] = std::numeric_limits<float>::quiet_NaN();
        EXPECT_TRUE(std::isnan(kernels->add_row(sums.data(), row.data(), row.size(), 0)));
        EXPECT_TRUE(std::isnan(sums[31]));
    }
}

} // namespace
