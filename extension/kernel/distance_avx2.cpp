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

/// Row by row: sixteen registers hold the sums of one row and a half, and sharing the query's loads
/// between two rows measured no faster (README, Batches).
template <class Term>
void
sum_terms_batch(const float *query, const float *rows, std::size_t stride, std::size_t count,
                std::size_t n, float *out) noexcept
{
    for (std::size_t r = 0; r < count; r++)
        out[r] = sum_terms<Term>(query, rows + r * stride, n);
}

struct CosineSums {
    __m256 dot = _mm256_setzero_ps();
    __m256 norm_a = _mm256_setzero_ps();
    __m256 norm_b = _mm256_setzero_ps();

    inline void add(__m256 a, __m256 b) noexcept
    {
        dot = _mm256_fmadd_ps(a, b, dot);
        norm_a = _mm256_fmadd_ps(a, a, norm_a);
        norm_b = _mm256_fmadd_ps(b, b, norm_b);
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
        s0.add(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        s1.add(_mm256_loadu_ps(a + i + kLanes), _mm256_loadu_ps(b + i + kLanes));
        s2.add(_mm256_loadu_ps(a + i + 2 * kLanes), _mm256_loadu_ps(b + i + 2 * kLanes));
        s3.add(_mm256_loadu_ps(a + i + 3 * kLanes), _mm256_loadu_ps(b + i + 3 * kLanes));
    }
    if (n - i >= 2 * kLanes) {
        s0.add(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        s1.add(_mm256_loadu_ps(a + i + kLanes), _mm256_loadu_ps(b + i + kLanes));
        i += 2 * kLanes;
    }
    if (n - i >= kLanes) {
        s2.add(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        i += kLanes;
    }
    if (i < n) {
        const __m256i mask = tail_mask(n - i);
        s3.add(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask));
    }
    const auto all = [](__m256 v0, __m256 v1, __m256 v2, __m256 v3) {
        return total(_mm256_add_ps(_mm256_add_ps(v0, v1), _mm256_add_ps(v2, v3)));
    };
    return {all(s0.dot, s1.dot, s2.dot, s3.dot), all(s0.norm_a, s1.norm_a, s2.norm_a, s3.norm_a),
            all(s0.norm_b, s1.norm_b, s2.norm_b, s3.norm_b)};
}

inline __m256d
add_squares(__m256d sum, __m128 x) noexcept
{
    const __m256d wide = _mm256_cvtps_pd(x);
    return _mm256_fmadd_pd(wide, wide, sum);
}

double
l2_norm(const float *a, std::size_t n) noexcept
{
    __m256d s0 = _mm256_setzero_pd();
    __m256d s1 = _mm256_setzero_pd();
    __m256d s2 = _mm256_setzero_pd();
    __m256d s3 = _mm256_setzero_pd();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        s0 = add_squares(s0, _mm_loadu_ps(a + i));
        s1 = add_squares(s1, _mm_loadu_ps(a + i + 4));
        s2 = add_squares(s2, _mm_loadu_ps(a + i + 8));
        s3 = add_squares(s3, _mm_loadu_ps(a + i + 12));
    }
    if (i + 8 <= n) {
        s0 = add_squares(s0, _mm_loadu_ps(a + i));
        s1 = add_squares(s1, _mm_loadu_ps(a + i + 4));
        i += 8;
    }
    if (i + 4 <= n) {
        s2 = add_squares(s2, _mm_loadu_ps(a + i));
        i += 4;
    }
    if (i < n)
        s3 = add_squares(s3, _mm_maskload_ps(a + i, _mm256_castsi256_si128(tail_mask(n - i))));
    const double square = total(_mm256_add_pd(_mm256_add_pd(s0, s1), _mm256_add_pd(s2, s3)));
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
