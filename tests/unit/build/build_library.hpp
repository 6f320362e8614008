// SPDX-License-Identifier: PostgreSQL
//
// vector_build.so as a backend meets it: through dlopen and the C interface. Rows for its tests.
#pragma once

#include "build/build_api.hpp"

#include <algorithm>
#include <cmath>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace build_library
{

using Floats = std::vector<float>;

inline const VxBuildApi &
api()
{
    static const VxBuildApi *loaded = [] {
        void *library = dlopen(VECTOR_BUILD_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
        if (library == nullptr)
            throw std::runtime_error(dlerror());
        return reinterpret_cast<VxBuildApiFunction>(dlsym(library, "vx_build_api"))();
    }();
    return *loaded;
}

inline Floats
gaussian(std::size_t count, std::uint32_t seed, float scale = 1, float shift = 0)
{
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    Floats x(count);
    for (float &value : x)
        value = normal(random) * scale + shift;
    return x;
}

/// Rows around `centres` random points: what k-means is for.
inline Floats
clustered(std::size_t rows, std::size_t dim, std::size_t centres, std::uint32_t seed,
          float spread = 10)
{
    const Floats centre = gaussian(centres * dim, seed, spread);
    Floats x = gaussian(rows * dim, seed + 1);
    for (std::size_t r = 0; r < rows; r++)
        for (std::size_t d = 0; d < dim; d++)
            x[r * dim + d] += centre[(r % centres) * dim + d];
    return x;
}

inline void
normalize_rows(Floats &x, std::size_t dim)
{
    for (std::size_t r = 0; r < x.size() / dim; r++) {
        double square = 0;
        for (std::size_t d = 0; d < dim; d++)
            square += double(x[r * dim + d]) * double(x[r * dim + d]);
        for (std::size_t d = 0; d < dim; d++)
            x[r * dim + d] = float(x[r * dim + d] / std::sqrt(square));
    }
}

struct Training {
    VxBuildMetric metric = VX_BUILD_L2;
    std::uint64_t seed = 1;
    int threads = 1;
    int iterations = 10;
    int approximate = VX_BUILD_FLOATS;
};

inline Floats
train(const Floats &rows, std::size_t dim, std::size_t lists, const Training &how = {})
{
    Floats centroids(lists * dim, std::numeric_limits<float>::quiet_NaN());
    VxTrainRequest request{};
    request.rows = rows.data();
    request.row_count = std::int64_t(rows.size() / dim);
    request.dim = std::int32_t(dim);
    request.list_count = std::int32_t(lists);
    request.metric = how.metric;
    request.iterations = how.iterations;
    request.seed = how.seed;
    request.threads = how.threads;
    request.approximate = how.approximate;
    request.centroids = centroids.data();
    EXPECT_EQ(VX_BUILD_OK, api().train(&request)) << request.error;
    for (float x : centroids)
        EXPECT_TRUE(std::isfinite(x));
    return centroids;
}

inline std::vector<std::int32_t>
assign(const Floats &rows, std::size_t dim, const Floats &centroids,
       VxBuildMetric metric = VX_BUILD_L2, int threads = 1)
{
    std::vector<std::int32_t> lists(rows.size() / dim, -1);
    VxAssignRequest request{};
    request.rows = rows.data();
    request.row_count = std::int64_t(lists.size());
    request.dim = std::int32_t(dim);
    request.centroids = centroids.data();
    request.list_count = std::int32_t(centroids.size() / dim);
    request.metric = metric;
    request.threads = threads;
    request.lists = lists.data();
    EXPECT_EQ(VX_BUILD_OK, api().assign(&request)) << request.error;
    return lists;
}

inline double
l2_squared(const float *a, const float *b, std::size_t dim)
{
    double sum = 0;
    for (std::size_t d = 0; d < dim; d++)
        sum += (double(a[d]) - double(b[d])) * (double(a[d]) - double(b[d]));
    return sum;
}

inline double
product(const float *a, const float *b, std::size_t dim)
{
    double sum = 0;
    for (std::size_t d = 0; d < dim; d++)
        sum += double(a[d]) * double(b[d]);
    return sum;
}

inline std::size_t
nearest_l2(const float *row, const Floats &centroids, std::size_t dim)
{
    std::size_t best = 0;
    for (std::size_t c = 1; c < centroids.size() / dim; c++)
        if (l2_squared(row, &centroids[c * dim], dim) <
            l2_squared(row, &centroids[best * dim], dim))
            best = c;
    return best;
}

/// Mean squared distance of the rows to their nearest centroid.
inline double
distortion(const Floats &rows, std::size_t dim, const Floats &centroids)
{
    double sum = 0;
    for (std::size_t r = 0; r < rows.size() / dim; r++) {
        const float *row = &rows[r * dim];
        sum += l2_squared(row, &centroids[nearest_l2(row, centroids, dim) * dim], dim);
    }
    return sum / double(rows.size() / dim);
}

/// Lloyd's algorithm as a textbook has it; an empty list keeps its centroid.
inline Floats
naive_lloyd(const Floats &rows, std::size_t dim, std::size_t lists, int iterations)
{
    const std::size_t count = rows.size() / dim;
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; i++)
        order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937(3));
    Floats centroids;
    for (std::size_t c = 0; c < lists; c++)
        centroids.insert(centroids.end(), &rows[order[c] * dim], &rows[order[c] * dim] + dim);
    for (int i = 0; i < iterations; i++) {
        std::vector<double> sums(lists * dim);
        std::vector<double> members(lists);
        for (std::size_t r = 0; r < count; r++) {
            const std::size_t c = nearest_l2(&rows[r * dim], centroids, dim);
            members[c]++;
            for (std::size_t d = 0; d < dim; d++)
                sums[c * dim + d] += double(rows[r * dim + d]);
        }
        for (std::size_t c = 0; c < lists; c++)
            for (std::size_t d = 0; d < dim && members[c] > 0; d++)
                centroids[c * dim + d] = float(sums[c * dim + d] / members[c]);
    }
    return centroids;
}

} // namespace build_library
