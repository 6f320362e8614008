// SPDX-License-Identifier: PostgreSQL
//
// Products with centroid codes for AVX2, as in centroid_codes_avx512.cpp: 16-bit numbers, because
// vpmaddubsw would saturate.
#include "kernel/centroid_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

inline __m256i
load(const void *p) noexcept
{
    return _mm256_loadu_si256(static_cast<const __m256i *>(p));
}

inline __m256i
broadcast_four(const std::int8_t *p) noexcept
{
    std::int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
}

inline __m256i
even_bytes(__m256i x) noexcept
{
    return _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
}

void
add_tiles(const PlaneQuery &query, const std::uint8_t *tiles, std::size_t count,
          std::size_t first_coordinate, std::int32_t *sums) noexcept
{
    __m256i sum[8];
#pragma GCC unroll 8
    for (int v = 0; v < 8; v++)
        sum[v] = load(sums + 8 * v);
    const __m256i byte = _mm256_set1_epi16(0xff);
    const std::int8_t *query_high = query.high + first_coordinate;
    const std::int8_t *query_low = query.low + first_coordinate;
    for (std::size_t t = 0; t < count; t++) {
        const __m256i h = broadcast_four(query_high + 4 * t);
        const __m256i l = broadcast_four(query_low + 4 * t);
        const __m256i even = _mm256_add_epi16(_mm256_slli_epi16(even_bytes(h), 7), even_bytes(l));
        const __m256i odd = _mm256_add_epi16(_mm256_slli_epi16(_mm256_srai_epi16(h, 8), 7),
                                             _mm256_srai_epi16(l, 8));
#pragma GCC unroll 8
        for (int v = 0; v < 8; v++) {
            const __m256i u = load(tiles + 256 * t + 32 * v);
            const __m256i a = _mm256_madd_epi16(_mm256_and_si256(u, byte), even);
            const __m256i b = _mm256_madd_epi16(_mm256_srli_epi16(u, 8), odd);
            sum[v] = _mm256_add_epi32(sum[v], _mm256_add_epi32(a, b));
        }
    }
#pragma GCC unroll 8
    for (int v = 0; v < 8; v++)
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(sums + 8 * v), sum[v]);
}

void
finish_products(const PlaneQuery &query, const std::int32_t *sums, const float *scales,
                float *products) noexcept
{
    const __m256i bias = _mm256_set1_epi32(std::int32_t(128u * std::uint32_t(query.sum)));
    const __m256 query_scale = _mm256_set1_ps(query.scale);
    for (int j = 0; j < 64; j += 8) {
        const __m256i product = _mm256_sub_epi32(load(sums + j), bias);
        const __m256 scale = _mm256_mul_ps(query_scale, _mm256_loadu_ps(scales + j));
        _mm256_storeu_ps(products + j, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(product)));
    }
}

} // namespace

const CentroidKernels kAvx2CentroidKernels = {Isa::avx2, add_tiles, finish_products};

} // namespace vx::kernel
