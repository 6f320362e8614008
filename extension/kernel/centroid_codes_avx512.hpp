// SPDX-License-Identifier: PostgreSQL
//
// What both AVX-512 files of centroid codes have in common. Included by these two only (README,
// rule 1).
#pragma once

#include "kernel/centroid_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

inline __m512i
broadcast_four(const std::int8_t *p) noexcept
{
    std::int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}

void
finish_products(const PlaneQuery &query, const std::int32_t *sums, const float *scales,
                float *products) noexcept
{
    const __m512i bias = _mm512_set1_epi32(std::int32_t(128u * std::uint32_t(query.sum)));
    const __m512 query_scale = _mm512_set1_ps(query.scale);
    for (int j = 0; j < 64; j += 16) {
        const __m512i product = _mm512_sub_epi32(_mm512_loadu_si512(sums + j), bias);
        const __m512 scale = _mm512_mul_ps(query_scale, _mm512_loadu_ps(scales + j));
        _mm512_storeu_ps(products + j, _mm512_mul_ps(scale, _mm512_cvtepi32_ps(product)));
    }
}

} // namespace

} // namespace vx::kernel
