// SPDX-License-Identifier: PostgreSQL
//
// The nearest-centroid loop for AVX2 + FMA: 6 rows x 16 centroids in 12 of 16 registers.
#include "kernel/nearest_loop.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

struct Avx2 {
    using Float = __m256;
    using Index = __m256i;
    static constexpr std::size_t kLanes = 8;

    static inline Float zero() noexcept { return _mm256_setzero_ps(); }

    static inline Float load(const float *p) noexcept { return _mm256_loadu_ps(p); }

    static inline Float broadcast(float x) noexcept { return _mm256_set1_ps(x); }

    static inline Index indexes(std::int32_t i) noexcept { return _mm256_set1_epi32(i); }

    static inline Float fmadd(Float a, Float b, Float c) noexcept
    {
        return _mm256_fmadd_ps(a, b, c);
    }

    static inline Float sub(Float a, Float b) noexcept { return _mm256_sub_ps(a, b); }

    static inline void keep_less(Float score, Index i, Float &best, Index &index) noexcept
    {
        const __m256 less = _mm256_cmp_ps(score, best, _CMP_LT_OQ);
        best = _mm256_blendv_ps(best, score, less);
        index = _mm256_blendv_epi8(index, i, _mm256_castps_si256(less));
    }

    static inline void store(float *p, Float x) noexcept { _mm256_storeu_ps(p, x); }

    static inline void store(std::int32_t *p, Index x) noexcept
    {
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), x);
    }
};

using Loop = NearestLoop<Avx2, 6, 2>;

} // namespace

const NearestKernels kAvx2NearestKernels = {Isa::avx2, 16, 6, Loop::nearest};
static_assert(Loop::kWidth == 16);

} // namespace vx::kernel
