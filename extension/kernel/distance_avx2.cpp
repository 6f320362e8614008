// SPDX-License-Identifier: PostgreSQL
//
// Distances for AVX2 + FMA: 8 floats per register, 4 independent sums (the latency of an FMA times
// the two loads per cycle that feed one), masked loads for the tail.
//
// Everything here has internal linkage and nothing shared is called (README, rule 1): code compiled
// with this file's flags must never be what the linker picks for the rest of the library.
#include "kernel/distance_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

constexpr std::size_t kLanes = 8;
constexpr std::size_t kStep = 4 * kLanes;

alignas(32) constexpr int kTailMask[2 * kLanes] = {-1, -1, -1, -1, -1, -1, -1, -1};

/// A mask that loads the first `rest` lanes, rest <= 8.
inline __m256i
tail_mask(std::size_t rest) noexcept
{
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(kTailMask + kLanes - rest));
}

inline float
total(__m256 sum) noexcept
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    half = _mm_add_ss(half, _mm_movehdup_ps(half));
    return _mm_cvtss_f32(half);
}

inline double
total(__m256d sum) noexcept
{
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    half = _mm_add_sd(half, _mm_unpackhi_pd(half, half));
    return _mm_cvtsd_f64(half);
}

struct SquaredDifference {
    static inline __m256 add(__m256 sum, __m256 a, __m256 b) noexcept
    {
        const __m256 d = _mm256_sub_ps(a, b);
        return _mm256_fmadd_ps(d, d, sum);
    }
};

struct Product {
    static inline __m256 add(__m256 sum, __m256 a, __m256 b) noexcept
    {
        return _mm256_fmadd_ps(a, b, sum);
    }
};

struct AbsoluteDifference {
    static inline __m256 add(__m256 sum, __m256 a, __m256 b) noexcept
    {
        const __m256 sign = _mm256_set1_ps(-0.0f);
        return _mm256_add_ps(sum, _mm256_andnot_ps(sign, _mm256_sub_ps(a, b)));
    }
};

/// The sums of one row. The same additions in the same order for one row and for a batch, so that
/// a row's distance does not depend on how it was asked for.
template <class Term> struct Sums {
    __m256 s0 = _mm256_setzero_ps();
    __m256 s1 = _mm256_setzero_ps();
    __m256 s2 = _mm256_setzero_ps();
    __m256 s3 = _mm256_setzero_ps();

    inline void step(__m256 q0, __m256 q1, __m256 q2, __m256 q3, const float *row) noexcept
    {
        s0 = Term::add(s0, q0, _mm256_loadu_ps(row));
        s1 = Term::add(s1, q1, _mm256_loadu_ps(row + kLanes));
        s2 = Term::add(s2, q2, _mm256_loadu_ps(row + 2 * kLanes));
        s3 = Term::add(s3, q3, _mm256_loadu_ps(row + 3 * kLanes));
    }

    /// The last `rest` < 32 floats, and the total.
    inline float finish(const float *query, const float *row, std::size_t rest) noexcept
    {
        if (rest >= 2 * kLanes) {
            s0 = Term::add(s0, _mm256_loadu_ps(query), _mm256_loadu_ps(row));
            s1 = Term::add(s1, _mm256_loadu_ps(query + kLanes), _mm256_loadu_ps(row + kLanes));
            query += 2 * kLanes;
            row += 2 * kLanes;
            rest -= 2 * kLanes;
        }
        if (rest >= kLanes) {
            s2 = Term::add(s2, _mm256_loadu_ps(query), _mm256_loadu_ps(row));
            query += kLanes;
            row += kLanes;
            rest -= kLanes;
        }
        if (rest > 0) {
            const __m256i mask = tail_mask(rest);
            s3 = Term::add(s3, _mm256_maskload_ps(query, mask), _mm256_maskload_ps(row, mask));
        }
        return total(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
    }
};

template <class Term>
float
sum_terms(const float *a, const float *b, std::size_t n) noexcept
{
    Sums<Term> sums;
    std::size_t i = 0;
    for (; i + kStep <= n; i += kStep)
        sums.step(_mm256_loadu_ps(a + i), _mm256_loadu_ps(a + i + kLanes),
                  _mm256_loadu_ps(a + i + 2 * kLanes), _mm256_loadu_ps(a + i + 3 * kLanes), b + i);
    return sums.finish(a + i, b + i, n - i);
}

/// Two rows share each load of the query (eight sums fill the sixteen registers with what they
/// need); the lines of the rows after the next two are asked for meanwhile.
template <class Term>
void
sum_terms_batch(const float *query, const float *rows, std::size_t stride, std::size_t count,
                std::size_t n, float *out) noexcept
{
    std::size_t r = 0;
    for (; r + 2 <= count; r += 2) {
        const float *row0 = rows + r * stride;
        const float *row1 = row0 + stride;
        const std::size_t ahead = r + 6 <= count ? 4 * stride : 0;
        Sums<Term> sums0;
        Sums<Term> sums1;
        std::size_t i = 0;
        for (; i + kStep <= n; i += kStep) {
            _mm_prefetch(row0 + ahead + i, _MM_HINT_T0);
            _mm_prefetch(row0 + ahead + i + 16, _MM_HINT_T0);
            _mm_prefetch(row1 + ahead + i, _MM_HINT_T0);
            _mm_prefetch(row1 + ahead + i + 16, _MM_HINT_T0);
            const __m256 q0 = _mm256_loadu_ps(query + i);
            const __m256 q1 = _mm256_loadu_ps(query + i + kLanes);
            const __m256 q2 = _mm256_loadu_ps(query + i + 2 * kLanes);
            const __m256 q3 = _mm256_loadu_ps(query + i + 3 * kLanes);
            sums0.step(q0, q1, q2, q3, row0 + i);
            sums1.step(q0, q1, q2, q3, row1 + i);
        }
        out[r] = sums0.finish(query + i, row0 + i, n - i);
        out[r + 1] = sums1.finish(query + i, row1 + i, n - i);
    }
    if (r < count)
        out[r] = sum_terms<Term>(query, rows + r * stride, n);
}

CosineTerms
cosine_terms(const float *a, const float *b, std::size_t n) noexcept
{
    __m256 dot[4];
    __m256 norm_a[4];
    __m256 norm_b[4];
    for (int j = 0; j < 4; j++)
        dot[j] = norm_a[j] = norm_b[j] = _mm256_setzero_ps();

    std::size_t i = 0;
    for (; i + kStep <= n; i += kStep)
        for (int j = 0; j < 4; j++) {
            const __m256 x = _mm256_loadu_ps(a + i + j * kLanes);
            const __m256 y = _mm256_loadu_ps(b + i + j * kLanes);
            dot[j] = _mm256_fmadd_ps(x, y, dot[j]);
            norm_a[j] = _mm256_fmadd_ps(x, x, norm_a[j]);
            norm_b[j] = _mm256_fmadd_ps(y, y, norm_b[j]);
        }
    for (int j = 0; i < n; j++, i += kLanes) {
        const __m256i mask = tail_mask(n - i < kLanes ? n - i : kLanes);
        const __m256 x = _mm256_maskload_ps(a + i, mask);
        const __m256 y = _mm256_maskload_ps(b + i, mask);
        dot[j] = _mm256_fmadd_ps(x, y, dot[j]);
        norm_a[j] = _mm256_fmadd_ps(x, x, norm_a[j]);
        norm_b[j] = _mm256_fmadd_ps(y, y, norm_b[j]);
    }
    const auto all = [](const __m256(&s)[4]) {
        return total(_mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3])));
    };
    return {all(dot), all(norm_a), all(norm_b)};
}

double
l2_norm(const float *a, std::size_t n) noexcept
{
    __m256d sums[4];
    for (__m256d &sum : sums)
        sum = _mm256_setzero_pd();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 4; j++) {
            const __m256d x = _mm256_cvtps_pd(_mm_loadu_ps(a + i + 4 * j));
            sums[j] = _mm256_fmadd_pd(x, x, sums[j]);
        }
    for (int j = 0; i < n; j++, i += 4) {
        const __m128i mask = _mm256_castsi256_si128(tail_mask(n - i < 4 ? n - i : 4));
        const __m256d x = _mm256_cvtps_pd(_mm_maskload_ps(a + i, mask));
        sums[j] = _mm256_fmadd_pd(x, x, sums[j]);
    }
    const double square =
        total(_mm256_add_pd(_mm256_add_pd(sums[0], sums[1]), _mm256_add_pd(sums[2], sums[3])));
    return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(square)));
}

} // namespace

const DistanceKernels kAvx2DistanceKernels = {
    Isa::avx2,
    sum_terms<SquaredDifference>,
    sum_terms<Product>,
    sum_terms<AbsoluteDifference>,
    cosine_terms,
    l2_norm,
    sum_terms_batch<SquaredDifference>,
    sum_terms_batch<Product>,
};

} // namespace vx::kernel
