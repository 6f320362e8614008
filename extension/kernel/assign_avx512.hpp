// SPDX-License-Identifier: PostgreSQL
//
// What assign_avx512.cpp and assign_vnni_avx512.cpp have in common: everything but the product.
// Included by these two only (README, rule 1).
#pragma once

#include "kernel/assign_loop.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

struct Avx512Lanes {
    using Int = __m512i;
    using Float = __m512;
    static constexpr int kLanes = 16;

    static inline Int set(std::int32_t i) noexcept { return _mm512_set1_epi32(i); }

    static inline Int add(Int a, Int b) noexcept { return _mm512_add_epi32(a, b); }

    static inline Int lanes() noexcept
    {
        return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }

    static inline Float load(const float *p) noexcept { return _mm512_loadu_ps(p); }

    static inline Int load(const std::int32_t *p) noexcept { return _mm512_loadu_si512(p); }

    static inline Float broadcast(float x) noexcept { return _mm512_set1_ps(x); }

    static inline Float score(Int sums, Float scale, Float norm, Float factor) noexcept
    {
        return _mm512_fmadd_ps(factor, _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale), norm);
    }

    static inline void keep_less(Float score, Int list, Float &best, Int &best_list) noexcept
    {
        const __mmask16 less = _mm512_cmp_ps_mask(score, best, _CMP_LT_OQ);
        best = _mm512_mask_mov_ps(best, less, score);
        best_list = _mm512_mask_mov_epi32(best_list, less, list);
    }

    static inline unsigned less(Float a, Float b) noexcept
    {
        return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
    }

    static inline void store(float *p, Float x) noexcept { _mm512_storeu_ps(p, x); }

    static inline void store(std::int32_t *p, Int x) noexcept { _mm512_storeu_si512(p, x); }
};

} // namespace

} // namespace vx::kernel
