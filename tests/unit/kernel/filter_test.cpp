// SPDX-License-Identifier: PostgreSQL
//
// Every path of the range comparisons against plain ones, at and around the ends of the types.
#include "kernel/filter.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace
{

using vx::kernel::filter_kernels_for;
using vx::kernel::FilterKernels;
using vx::kernel::Isa;
using vx::kernel::isa_name;
using vx::kernel::ValueRun;

constexpr std::uint32_t kGroups = 5;
constexpr std::uint32_t kStart = 3; // values need no alignment
constexpr std::uint32_t kGap = 12;  // between groups

class FilterTest : public testing::TestWithParam<Isa>
{
  protected:
    void SetUp() override
    {
        kernels_ = filter_kernels_for(GetParam());
        if (kernels_ == nullptr)
            GTEST_SKIP() << "this processor has no " << isa_name(GetParam());
    }

    /// Lays the values out in groups. Nothing follows the last one: reading on would be seen by a
    /// sanitizer.
    ValueRun lay_out(const void *values, std::uint32_t width)
    {
        const std::uint32_t stride = 32 * width + kGap;
        bytes_.assign(kStart + kGroups * stride - kGap, 0xaa);
        for (std::uint32_t g = 0; g < kGroups; g++)
            std::memcpy(bytes_.data() + kStart + g * stride,
                        static_cast<const char *>(values) + g * 32 * width, 32 * width);
        return {bytes_.data() + kStart, stride, kGroups};
    }

    template <class T> void check(void (*range)(const ValueRun &, T, T, std::uint32_t *) noexcept)
    {
        using Limits = std::numeric_limits<T>;
        const T edges[] = {Limits::min(), T(Limits::min() + 1), T(-2),        T(-1), T(0), T(1),
                           T(2),          T(Limits::max() - 1), Limits::max()};
        std::uniform_int_distribution<std::size_t> pick(0, std::size(edges) - 1);
        std::vector<T> values(kGroups * 32);
        for (T &value : values)
            value = random_() % 4 ? edges[pick(random_)] : static_cast<T>(random_());
        const ValueRun run = lay_out(values.data(), sizeof(T));
        for (const T low : edges)
            for (const T high : edges)
                check_range(run, values, low, high, range);
    }

    template <class T>
    void check_range(const ValueRun &run, const std::vector<T> &values, T low, T high,
                     void (*range)(const ValueRun &, T, T, std::uint32_t *) noexcept)
    {
        std::uint32_t masks[kGroups], before[kGroups];
        for (std::uint32_t g = 0; g < kGroups; g++)
            masks[g] = before[g] = g == 0 ? 0xffffffffu : random_();
        range(run, low, high, masks);
        for (std::uint32_t i = 0; i < kGroups * 32; i++) {
            const bool expected =
                (before[i / 32] >> (i % 32) & 1) && low <= values[i] && values[i] <= high;
            ASSERT_EQ(masks[i / 32] >> (i % 32) & 1, expected ? 1u : 0u)
                << "value " << std::int64_t(values[i]) << " in [" << std::int64_t(low) << ", "
                << std::int64_t(high) << "]";
        }
    }

    const FilterKernels *kernels_ = nullptr;
    std::vector<std::uint8_t> bytes_;
    std::minstd_rand random_{11};
};

TEST_P(FilterTest, IntegersInRange)
{
    check<std::int8_t>(kernels_->range_1);
    check<std::int16_t>(kernels_->range_2);
    check<std::int32_t>(kernels_->range_4);
    check<std::int64_t>(kernels_->range_8);
}

TEST_P(FilterTest, SixteenBytesInRange)
{
    // Few different bytes, so that values share beginnings, at every length of beginning.
    const std::uint8_t alphabet[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    auto random_value = [&](std::uint8_t *value) {
        const std::size_t same = random_() % 17;
        std::memset(value, 0x80, same);
        for (std::size_t i = same; i < 16; i++)
            value[i] = alphabet[random_() % std::size(alphabet)];
    };
    std::vector<std::uint8_t> values(kGroups * 32 * 16);
    for (std::uint32_t i = 0; i < kGroups * 32; i++)
        random_value(values.data() + i * 16);
    const ValueRun run = lay_out(values.data(), 16);

    for (int round = 0; round < 300; round++) {
        std::uint8_t low[16], high[16];
        random_value(low);
        random_value(high);
        if (round % 4 == 0) // a value that exists, alone
            std::memcpy(low, &values[random_() % (kGroups * 32) * 16], 16);
        if (round % 8 == 0)
            std::memcpy(high, low, 16);
        std::uint32_t masks[kGroups];
        std::fill_n(masks, kGroups, 0xffffffffu);
        kernels_->range_16(run, low, high, masks);
        for (std::uint32_t i = 0; i < kGroups * 32; i++) {
            const std::uint8_t *value = &values[i * 16];
            const bool expected =
                std::memcmp(low, value, 16) <= 0 && std::memcmp(value, high, 16) <= 0;
            ASSERT_EQ(masks[i / 32] >> (i % 32) & 1, expected ? 1u : 0u) << "value " << i;
        }
    }
}

TEST_P(FilterTest, NoGroupsIsNothing)
{
    kernels_->range_4({nullptr, 128, 0}, 0, 1, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Paths, FilterTest, testing::Values(Isa::scalar, Isa::avx2, Isa::avx512),
                         [](const auto &parameter) {
                             return std::string(isa_name(parameter.param));
                         });

} // namespace
