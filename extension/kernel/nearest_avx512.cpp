// SPDX-License-Identifier: PostgreSQL
//
// The nearest-centroid loop for AVX-512: 8 rows x 48 centroids in 24 of 32 registers.
#include "kernel/nearest_loop.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

struct Avx512 {
    using Float = __m512;
    using Index = __m512i;
    static constexpr std::size_t kLanes = 16;

    static inline Float zero() noexcept { return _mm512_setzero_ps(); }

    static inline Float load(const float *p) noexcept { return _mm512_loadu_ps(p); }

    static inline Float broadcast(float x) noexcept { return _mm512_set1_ps(x); }

    static inline Index indexes(std::int32_t i) noexcept { return _mm512_set1_epi32(i); }

    static inline Float fmadd(Float a, Float b, Float c) noexcept
    {
        return _mm512_fmadd_ps(a, b, c);
    }

    static inline Float sub(Float a, Float b) noexcept { return _mm512_sub_ps(a, b); }

    static inline void keep_less(Float score, Index i, Float &best, Index &index) noexcept
    {
        const __mmask16 less = _mm512_cmp_ps_mask(score, best, _CMP_LT_OQ);
        best = _mm512_mask_mov_ps(best, less, score);
        index = _mm512_mask_mov_epi32(index, less, i);
    }

    static inline void store(float *p, Float x) noexcept { _mm512_storeu_ps(p, x); }

    static inline void store(std::int32_t *p, Index x) noexcept { _mm512_storeu_si512(p, x); }
};

using Loop = NearestLoop<Avx512, 8, 3>;

} // namespace

const NearestKernels kAvx512NearestKernels = {Isa::avx512, 48, 8, Loop::nearest};
static_assert(Loop::kWidth == 48);

} // namespace vx::kernel
