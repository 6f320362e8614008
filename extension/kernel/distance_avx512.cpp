// SPDX-License-Identifier: PostgreSQL
//
// Distances for AVX-512 (F, BW, DQ, VL): 16 floats per register, 4 independent sums per row,
// masked tails. Internal linkage only, as in distance_avx2.cpp (README, rule 1).
#include "kernel/distance_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

constexpr std::size_t kLanes = 16;
constexpr std::size_t kStep = 4 * kLanes;

inline __mmask16
tail_mask(std::size_t rest) noexcept
{
    return static_cast<__mmask16>((1u << rest) - 1);
}

struct SquaredDifference {
    static inline __m512 add(__m512 sum, __m512 a, __m512 b) noexcept
    {
        const __m512 d = _mm512_sub_ps(a, b);
        return _mm512_fmadd_ps(d, d, sum);
    }
};

struct Product {
    static inline __m512 add(__m512 sum, __m512 a, __m512 b) noexcept
    {
        return _mm512_fmadd_ps(a, b, sum);
    }
};

struct AbsoluteDifference {
    static inline __m512 add(__m512 sum, __m512 a, __m512 b) noexcept
    {
        return _mm512_add_ps(sum, _mm512_abs_ps(_mm512_sub_ps(a, b)));
    }
};

/// The sums of one row; one row and a batch add in the same order (see distance_avx2.cpp).
template <class Term> struct Sums {
    __m512 s0 = _mm512_setzero_ps();
    __m512 s1 = _mm512_setzero_ps();
    __m512 s2 = _mm512_setzero_ps();
    __m512 s3 = _mm512_setzero_ps();

    inline void step(__m512 q0, __m512 q1, __m512 q2, __m512 q3, const float *row) noexcept
    {
        s0 = Term::add(s0, q0, _mm512_loadu_ps(row));
        s1 = Term::add(s1, q1, _mm512_loadu_ps(row + kLanes));
        s2 = Term::add(s2, q2, _mm512_loadu_ps(row + 2 * kLanes));
        s3 = Term::add(s3, q3, _mm512_loadu_ps(row + 3 * kLanes));
    }

    /// The last `rest` < 64 floats, and the total.
    inline float finish(const float *query, const float *row, std::size_t rest) noexcept
    {
        if (rest >= 2 * kLanes) {
            s0 = Term::add(s0, _mm512_loadu_ps(query), _mm512_loadu_ps(row));
            s1 = Term::add(s1, _mm512_loadu_ps(query + kLanes), _mm512_loadu_ps(row + kLanes));
            query += 2 * kLanes;
            row += 2 * kLanes;
            rest -= 2 * kLanes;
        }
        if (rest >= kLanes) {
            s2 = Term::add(s2, _mm512_loadu_ps(query), _mm512_loadu_ps(row));
            query += kLanes;
            row += kLanes;
            rest -= kLanes;
        }
        if (rest > 0) {
            const __mmask16 mask = tail_mask(rest);
            s3 =
                Term::add(s3, _mm512_maskz_loadu_ps(mask, query), _mm512_maskz_loadu_ps(mask, row));
        }
        return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
    }
};

template <class Term>
float
sum_terms(const float *a, const float *b, std::size_t n) noexcept
{
    Sums<Term> sums;
    std::size_t i = 0;
    for (; i + kStep <= n; i += kStep)
        sums.step(_mm512_loadu_ps(a + i), _mm512_loadu_ps(a + i + kLanes),
                  _mm512_loadu_ps(a + i + 2 * kLanes), _mm512_loadu_ps(a + i + 3 * kLanes), b + i);
    return sums.finish(a + i, b + i, n - i);
}

/// Four rows share each load of the query; sixteen sums leave half of the registers for operands.
/// The prefetch runs through the rows in the order of memory, 4 kB ahead: in that order it feeds
/// the hardware prefetchers, which four interleaved streams would confuse (README, Batches).
template <class Term>
void
sum_terms_batch(const float *query, const float *rows, std::size_t stride, std::size_t count,
                std::size_t n, float *out) noexcept
{
    constexpr std::size_t kAhead = 1024;
    std::size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        const float *row0 = rows + r * stride;
        const float *row1 = row0 + stride;
        const float *row2 = row1 + stride;
        const float *row3 = row2 + stride;
        Sums<Term> sums0;
        Sums<Term> sums1;
        Sums<Term> sums2;
        Sums<Term> sums3;
        std::size_t i = 0;
        for (; i + kStep <= n; i += kStep) {
            for (std::size_t line = 0; line < 4 * kStep; line += kLanes)
                _mm_prefetch(row0 + 4 * i + kAhead + line, _MM_HINT_T0);
            const __m512 q0 = _mm512_loadu_ps(query + i);
            const __m512 q1 = _mm512_loadu_ps(query + i + kLanes);
            const __m512 q2 = _mm512_loadu_ps(query + i + 2 * kLanes);
            const __m512 q3 = _mm512_loadu_ps(query + i + 3 * kLanes);
            sums0.step(q0, q1, q2, q3, row0 + i);
            sums1.step(q0, q1, q2, q3, row1 + i);
            sums2.step(q0, q1, q2, q3, row2 + i);
            sums3.step(q0, q1, q2, q3, row3 + i);
        }
        out[r] = sums0.finish(query + i, row0 + i, n - i);
        out[r + 1] = sums1.finish(query + i, row1 + i, n - i);
        out[r + 2] = sums2.finish(query + i, row2 + i, n - i);
        out[r + 3] = sums3.finish(query + i, row3 + i, n - i);
    }
    for (; r < count; r++)
        out[r] = sum_terms<Term>(query, rows + r * stride, n);
}

struct CosineSums {
    __m512 dot = _mm512_setzero_ps();
    __m512 norm_a = _mm512_setzero_ps();
    __m512 norm_b = _mm512_setzero_ps();

    inline void add(__m512 a, __m512 b) noexcept
    {
        dot = _mm512_fmadd_ps(a, b, dot);
        norm_a = _mm512_fmadd_ps(a, a, norm_a);
        norm_b = _mm512_fmadd_ps(b, b, norm_b);
    }
};

CosineTerms
cosine_terms(const float *a, const float *b, std::size_t n) noexcept
{
    CosineSums s0;
    CosineSums s1;
    CosineSums s2;
    CosineSums s3;
    std::size_t i = 0;
    for (; i + kStep <= n; i += kStep) {
        s0.add(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        s1.add(_mm512_loadu_ps(a + i + kLanes), _mm512_loadu_ps(b + i + kLanes));
        s2.add(_mm512_loadu_ps(a + i + 2 * kLanes), _mm512_loadu_ps(b + i + 2 * kLanes));
        s3.add(_mm512_loadu_ps(a + i + 3 * kLanes), _mm512_loadu_ps(b + i + 3 * kLanes));
    }
    if (n - i >= 2 * kLanes) {
        s0.add(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        s1.add(_mm512_loadu_ps(a + i + kLanes), _mm512_loadu_ps(b + i + kLanes));
        i += 2 * kLanes;
    }
    if (n - i >= kLanes) {
        s2.add(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        i += kLanes;
    }
    if (i < n) {
        const __mmask16 mask = tail_mask(n - i);
        s3.add(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
    }
    const auto all = [](__m512 v0, __m512 v1, __m512 v2, __m512 v3) {
        return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(v0, v1), _mm512_add_ps(v2, v3)));
    };
    return {all(s0.dot, s1.dot, s2.dot, s3.dot), all(s0.norm_a, s1.norm_a, s2.norm_a, s3.norm_a),
            all(s0.norm_b, s1.norm_b, s2.norm_b, s3.norm_b)};
}

inline __m512d
add_squares(__m512d sum, __m256 x) noexcept
{
    const __m512d wide = _mm512_cvtps_pd(x);
    return _mm512_fmadd_pd(wide, wide, sum);
}

double
l2_norm(const float *a, std::size_t n) noexcept
{
    __m512d s0 = _mm512_setzero_pd();
    __m512d s1 = _mm512_setzero_pd();
    __m512d s2 = _mm512_setzero_pd();
    __m512d s3 = _mm512_setzero_pd();
    std::size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        s0 = add_squares(s0, _mm256_loadu_ps(a + i));
        s1 = add_squares(s1, _mm256_loadu_ps(a + i + 8));
        s2 = add_squares(s2, _mm256_loadu_ps(a + i + 16));
        s3 = add_squares(s3, _mm256_loadu_ps(a + i + 24));
    }
    if (i + 16 <= n) {
        s0 = add_squares(s0, _mm256_loadu_ps(a + i));
        s1 = add_squares(s1, _mm256_loadu_ps(a + i + 8));
        i += 16;
    }
    if (i + 8 <= n) {
        s2 = add_squares(s2, _mm256_loadu_ps(a + i));
        i += 8;
    }
    if (i < n) {
        const auto mask = static_cast<__mmask8>(tail_mask(n - i));
        s3 = add_squares(s3, _mm256_maskz_loadu_ps(mask, a + i));
    }
    const double square =
        _mm512_reduce_add_pd(_mm512_add_pd(_mm512_add_pd(s0, s1), _mm512_add_pd(s2, s3)));
    return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(square)));
}

} // namespace

const DistanceKernels kAvx512DistanceKernels = {
    Isa::avx512,
    sum_terms<SquaredDifference>,
    sum_terms<Product>,
    sum_terms<AbsoluteDifference>,
    cosine_terms,
    l2_norm,
    sum_terms_batch<SquaredDifference>,
    sum_terms_batch<Product>,
};

} // namespace vx::kernel
