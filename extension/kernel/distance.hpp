// SPDX-License-Identifier: PostgreSQL
//
// Distances between float32 vectors.
//
// Every kernel exists as portable C++ (the reference), for AVX2 + FMA and for AVX-512. They add in
// different orders, so results may differ by rounding: for n dimensions by at most
// distance_error_bound(n) times the sum of the absolute values of the terms. Tests hold every path
// to that bound.
//
// Pointers need no alignment but a float's. n may be 0. The arguments must not contain NaN if the
// result is to be ordered; the kernels themselves accept any value. Nothing here allocates, throws
// or blocks.
#pragma once

#include <cstddef>

namespace vx::kernel
{

enum class Isa { scalar, avx2, avx512 };

/// The three sums that the cosine needs: a·b, a·a and b·b.
struct CosineTerms {
    float dot;
    float norm_a;
    float norm_b;
};

/// One set of kernels, all of one instruction set.
struct DistanceKernels {
    Isa isa;

    float (*l2_squared)(const float *a, const float *b, std::size_t n) noexcept;
    float (*inner_product)(const float *a, const float *b, std::size_t n) noexcept;
    float (*l1)(const float *a, const float *b, std::size_t n) noexcept;
    CosineTerms (*cosine_terms)(const float *a, const float *b, std::size_t n) noexcept;
    /// sqrt(sum x*x), accumulated in float64 as pgvector does.
    double (*l2_norm)(const float *a, std::size_t n) noexcept;

    /// out[i] = distance(query, rows + i * stride) for i < count; stride in floats, >= n.
    /// The same bits as the kernels above give for each row. For rows in a cache, as centroids
    /// are: several at a time share the loads of the query. Rows that come from memory are read
    /// faster one after the other (README, Batches).
    void (*l2_squared_batch)(const float *query, const float *rows, std::size_t stride,
                             std::size_t count, std::size_t n, float *out) noexcept;
    void (*inner_product_batch)(const float *query, const float *rows, std::size_t stride,
                                std::size_t count, std::size_t n, float *out) noexcept;
};

/// The best set that this processor (and operating system) can run; chosen once at load.
const DistanceKernels &distance_kernels() noexcept;

/// A particular set, or nullptr where the processor lacks it. For tests and benchmarks.
const DistanceKernels *distance_kernels_for(Isa isa) noexcept;

const char *isa_name(Isa isa) noexcept;

/// Bound on |kernel - exact| / sum(|term|) for n terms added in float32 in any order.
constexpr double
distance_error_bound(std::size_t n) noexcept
{
    return (static_cast<double>(n) + 3.0) * 5.97e-8;
}

} // namespace vx::kernel
