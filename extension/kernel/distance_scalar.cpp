// SPDX-License-Identifier: PostgreSQL
//
// Distances in portable C++: the reference for the other instruction sets, and what runs where
// there is no AVX2. The eight partial sums are independent, so that the compiler may keep them in
// the SSE2 registers that every x86-64 has, without being allowed to reorder float additions.
#include "kernel/distance_tables.hpp"

#include <cmath>

namespace vx::kernel
{

namespace
{

constexpr std::size_t kSums = 8;

inline float
total(const float (&sums)[kSums]) noexcept
{
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

struct SquaredDifference {
    static float of(float a, float b) noexcept
    {
        const float d = a - b;
        return d * d;
    }
};

struct Product {
    static float of(float a, float b) noexcept { return a * b; }
};

struct AbsoluteDifference {
    static float of(float a, float b) noexcept { return std::fabs(a - b); }
};

template <class Term>
float
sum_terms(const float *a, const float *b, std::size_t n) noexcept
{
    float sums[kSums] = {};
    std::size_t i = 0;
    for (; i + kSums <= n; i += kSums)
        for (std::size_t j = 0; j < kSums; j++)
            sums[j] += Term::of(a[i + j], b[i + j]);
    for (std::size_t j = 0; i + j < n; j++)
        sums[j] += Term::of(a[i + j], b[i + j]);
    return total(sums);
}

/// Three passes: vectors fit into the first-level cache, and twenty-four sums not into registers.
CosineTerms
cosine_terms(const float *a, const float *b, std::size_t n) noexcept
{
    return {sum_terms<Product>(a, b, n), sum_terms<Product>(a, a, n), sum_terms<Product>(b, b, n)};
}

double
l2_norm(const float *a, std::size_t n) noexcept
{
    double sums[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (std::size_t j = 0; j < 4; j++)
            sums[j] += static_cast<double>(a[i + j]) * static_cast<double>(a[i + j]);
    for (; i < n; i++)
        sums[0] += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    return std::sqrt((sums[0] + sums[2]) + (sums[1] + sums[3]));
}

template <class Term>
void
sum_terms_batch(const float *query, const float *rows, std::size_t stride, std::size_t count,
                std::size_t n, float *out) noexcept
{
    for (std::size_t i = 0; i < count; i++)
        out[i] = sum_terms<Term>(query, rows + i * stride, n);
}

} // namespace

const DistanceKernels kScalarDistanceKernels = {
    Isa::scalar,
    sum_terms<SquaredDifference>,
    sum_terms<Product>,
    sum_terms<AbsoluteDifference>,
    cosine_terms,
    l2_norm,
    sum_terms_batch<SquaredDifference>,
    sum_terms_batch<Product>,
};

} // namespace vx::kernel
