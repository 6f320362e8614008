// SPDX-License-Identifier: PostgreSQL
//
// Products with centroid codes for AVX-512 BW without VNNI. The planes are put together again: v
// fits in 16 bits, and so do bytes 0 and 2, and 1 and 3, of every four codes.
#include "kernel/centroid_codes_avx512.hpp"

namespace vx::kernel
{

namespace
{

inline __m512i
even_bytes(__m512i x) noexcept
{
    return _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8);
}

void
add_tiles(const PlaneQuery &query, const std::uint8_t *tiles, std::size_t count,
          std::size_t first_coordinate, std::int32_t *sums) noexcept
{
    __m512i sum[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        sum[v] = _mm512_loadu_si512(sums + 16 * v);
    const __m512i byte = _mm512_set1_epi16(0xff);
    const std::int8_t *query_high = query.high + first_coordinate;
    const std::int8_t *query_low = query.low + first_coordinate;
    for (std::size_t t = 0; t < count; t++) {
        const __m512i h = broadcast_four(query_high + 4 * t);
        const __m512i l = broadcast_four(query_low + 4 * t);
        const __m512i even = _mm512_add_epi16(_mm512_slli_epi16(even_bytes(h), 7), even_bytes(l));
        const __m512i odd = _mm512_add_epi16(_mm512_slli_epi16(_mm512_srai_epi16(h, 8), 7),
                                             _mm512_srai_epi16(l, 8));
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            const __m512i u = _mm512_loadu_si512(tiles + 256 * t + 64 * v);
            const __m512i a = _mm512_madd_epi16(_mm512_and_si512(u, byte), even);
            const __m512i b = _mm512_madd_epi16(_mm512_srli_epi16(u, 8), odd);
            sum[v] = _mm512_add_epi32(sum[v], _mm512_add_epi32(a, b));
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        _mm512_storeu_si512(sums + 16 * v, sum[v]);
}

} // namespace

const CentroidKernels kAvx512CentroidKernels = {Isa::avx512, add_tiles, finish_products};

} // namespace vx::kernel
