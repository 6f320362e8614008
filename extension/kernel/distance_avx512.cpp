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
/// The lines of the next four rows are asked for meanwhile.
template <class Term>
void
sum_terms_batch(const float *query, const float *rows, std::size_t stride, std::size_t count,
                std::size_t n, float *out) noexcept
{
    std::size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        const float *row0 = rows + r * stride;
        const float *row1 = row0 + stride;
        const float *row2 = row1 + stride;
        const float *row3 = row2 + stride;
        const std::size_t ahead = r + 8 <= count ? 4 * stride : 0;
        Sums<Term> sums0;
        Sums<Term> sums1;
        Sums<Term> sums2;
        Sums<Term> sums3;
        std::size_t i = 0;
        for (; i + kStep <= n; i += kStep) {
            for (std::size_t line = i; line < i + kStep; line += kLanes) {
                _mm_prefetch(row0 + ahead + line, _MM_HINT_T0);
                _mm_prefetch(row1 + ahead + line, _MM_HINT_T0);
                _mm_prefetch(row2 + ahead + line, _MM_HINT_T0);
                _mm_prefetch(row3 + ahead + line, _MM_HINT_T0);
            }
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

CosineTerms
cosine_terms(const float *a, const float *b, std::size_t n) noexcept
{
    __m512 dot[4];
    __m512 norm_a[4];
    __m512 norm_b[4];
    for (int j = 0; j < 4; j++)
        dot[j] = norm_a[j] = norm_b[j] = _mm512_setzero_ps();

    std::size_t i = 0;
    for (; i + kStep <= n; i += kStep)
        for (int j = 0; j < 4; j++) {
            const __m512 x = _mm512_loadu_ps(a + i + j * kLanes);
            const __m512 y = _mm512_loadu_ps(b + i + j * kLanes);
            dot[j] = _mm512_fmadd_ps(x, y, dot[j]);
            norm_a[j] = _mm512_fmadd_ps(x, x, norm_a[j]);
            norm_b[j] = _mm512_fmadd_ps(y, y, norm_b[j]);
        }
    for (int j = 0; i < n; j++, i += kLanes) {
        const __mmask16 mask = tail_mask(n - i < kLanes ? n - i : kLanes);
        const __m512 x = _mm512_maskz_loadu_ps(mask, a + i);
        const __m512 y = _mm512_maskz_loadu_ps(mask, b + i);
        dot[j] = _mm512_fmadd_ps(x, y, dot[j]);
        norm_a[j] = _mm512_fmadd_ps(x, x, norm_a[j]);
        norm_b[j] = _mm512_fmadd_ps(y, y, norm_b[j]);
    }
    const auto all = [](const __m512(&s)[4]) {
        return _mm512_reduce_add_ps(
            _mm512_add_ps(_mm512_add_ps(s[0], s[1]), _mm512_add_ps(s[2], s[3])));
    };
    return {all(dot), all(norm_a), all(norm_b)};
}

double
l2_norm(const float *a, std::size_t n) noexcept
{
    __m512d sums[4];
    for (__m512d &sum : sums)
        sum = _mm512_setzero_pd();
    std::size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (int j = 0; j < 4; j++) {
            const __m512d x = _mm512_cvtps_pd(_mm256_loadu_ps(a + i + 8 * j));
            sums[j] = _mm512_fmadd_pd(x, x, sums[j]);
        }
    for (int j = 0; i < n; j++, i += 8) {
        const auto mask = static_cast<__mmask8>(tail_mask(n - i < 8 ? n - i : 8));
        const __m512d x = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, a + i));
        sums[j] = _mm512_fmadd_pd(x, x, sums[j]);
    }
    const double square = _mm512_reduce_add_pd(
        _mm512_add_pd(_mm512_add_pd(sums[0], sums[1]), _mm512_add_pd(sums[2], sums[3])));
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
