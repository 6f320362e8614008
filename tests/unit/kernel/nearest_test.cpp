// SPDX-License-Identifier: PostgreSQL
//
// The nearest-centroid kernels against a float64 search, through the packing that nearest.hpp
// describes.
#include "kernel/nearest.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace
{

using vx::kernel::Isa;
using vx::kernel::isa_name;
using vx::kernel::kNearestGroups;
using vx::kernel::nearest_kernels_for;
using vx::kernel::NearestKernels;

using Matrix = std::vector<std::vector<float>>;

class NearestTest : public testing::TestWithParam<Isa>
{
  protected:
    void SetUp() override
    {
        kernels_ = nearest_kernels_for(GetParam());
        if (kernels_ == nullptr)
            GTEST_SKIP() << "this processor has no " << isa_name(GetParam());
    }

    Matrix random_matrix(std::size_t count, std::size_t dim)
    {
        std::normal_distribution<float> normal;
        Matrix matrix(count, std::vector<float>(dim));
        for (auto &row : matrix)
            for (float &x : row)
                x = normal(random_);
        return matrix;
    }

    /// Packs, runs the kernel, returns the lists of `rows` with the padding rows cut off.
    std::vector<std::int32_t> nearest(const Matrix &rows, const Matrix &centroids, std::size_t dim,
                                      bool l2)
    {
        const std::size_t width = kernels_->panel_width;
        const std::size_t in_group = kernels_->group_rows;
        const std::size_t panel_count = (centroids.size() + width - 1) / width;
        const std::size_t group_count = (rows.size() + in_group - 1) / in_group;
        EXPECT_LE(group_count, kNearestGroups);

        std::vector<float> panels(panel_count * width * dim, 0.0f);
        std::vector<float> bias(panel_count * width, std::numeric_limits<float>::infinity());
        for (std::size_t c = 0; c < centroids.size(); c++) {
            double square = 0;
            for (std::size_t d = 0; d < dim; d++) {
                panels[(c / width) * width * dim + d * width + c % width] = centroids[c][d];
                square += double(centroids[c][d]) * double(centroids[c][d]);
            }
            bias[c] = l2 ? float(square / 2) : 0.0f;
        }
        std::vector<float> groups(group_count * in_group * dim, 0.0f);
        for (std::size_t r = 0; r < rows.size(); r++)
            for (std::size_t d = 0; d < dim; d++)
                groups[(r / in_group) * in_group * dim + d * in_group + r % in_group] = rows[r][d];

        std::vector<std::int32_t> lists(group_count * in_group, -1);
        kernels_->nearest(groups.data(), group_count, dim, panels.data(), bias.data(), panel_count,
                          lists.data());
        lists.resize(rows.size());
        return lists;
    }

    const NearestKernels *kernels_ = nullptr;
    std::mt19937 random_{7};
};

double
score(const std::vector<float> &x, const std::vector<float> &c, bool l2)
{
    double dot = 0;
    double square = 0;
    for (std::size_t d = 0; d < x.size(); d++) {
        dot += double(x[d]) * double(c[d]);
        square += double(c[d]) * double(c[d]);
    }
    return (l2 ? square / 2 : 0) - dot;
}

TEST_P(NearestTest, FindsTheLeastScore)
{
    for (std::size_t dim : {1, 2, 7, 16, 33, 128})
        for (std::size_t count : {1, 5, 8, 16, 17, 47, 48, 49, 200})
            for (std::size_t row_count : {1, 3, 6, 8, 13, 64})
                for (bool l2 : {true, false}) {
                    const Matrix rows = random_matrix(row_count, dim);
                    const Matrix centroids = random_matrix(count, dim);
                    const auto lists = nearest(rows, centroids, dim, l2);
                    for (std::size_t r = 0; r < row_count; r++) {
                        ASSERT_GE(lists[r], 0);
                        ASSERT_LT(lists[r], std::int32_t(count));
                        const double got = score(rows[r], centroids[std::size_t(lists[r])], l2);
                        for (const auto &centroid : centroids)
                            ASSERT_LE(got, score(rows[r], centroid, l2) + 1e-6 * double(dim));
                    }
                }
}

TEST_P(NearestTest, TheLowestOfEqualCentroidsWins)
{
    const std::size_t dim = 9;
    const Matrix one = random_matrix(1, dim);
    for (std::size_t count : {2, 16, 48, 100}) {
        const Matrix same(count, one[0]);
        for (std::int32_t list : nearest(random_matrix(20, dim), same, dim, true))
            EXPECT_EQ(0, list);
        Matrix other = random_matrix(count, dim);
        other[count / 2] = other[count - 1] = one[0];
        EXPECT_EQ(std::int32_t(count / 2), nearest(one, other, dim, true)[0]);
    }
}

TEST_P(NearestTest, UselessScoresStillNameACentroid)
{
    const float huge = std::numeric_limits<float>::max();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (float x : {huge, -huge, nan}) {
        const Matrix rows(5, std::vector<float>(4, x));
        const Matrix centroids(3, std::vector<float>(4, -x));
        for (std::int32_t list : nearest(rows, centroids, 4, true)) {
            EXPECT_GE(list, 0);
            EXPECT_LT(list, 3);
        }
    }
}

TEST_P(NearestTest, DimensionZeroAndNoGroups)
{
    const Matrix empty(3, std::vector<float>());
    for (std::int32_t list : nearest(empty, empty, 0, true))
        EXPECT_EQ(0, list);
    EXPECT_TRUE(nearest(Matrix(), empty, 0, true).empty());
}

INSTANTIATE_TEST_SUITE_P(Isa, NearestTest, testing::Values(Isa::scalar, Isa::avx2, Isa::avx512),
                         [](const testing::TestParamInfo<Isa> &parameter) {
                             return std::string(isa_name(parameter.param));
                         });

} // namespace
