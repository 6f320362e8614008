// SPDX-License-Identifier: PostgreSQL
//
// Products with centroid codes for AVX-512 VNNI: two instructions for 64 codes, one per plane.
#include "kernel/centroid_codes_avx512.hpp"

namespace vx::kernel
{

namespace
{

void
add_tiles(const PlaneQuery &query, const std::uint8_t *tiles, std::size_t count,
          std::size_t first_coordinate, std::int32_t *sums) noexcept
{
    __m512i high[4];
    __m512i low[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        high[v] = _mm512_setzero_si512();
        low[v] = _mm512_loadu_si512(sums + 16 * v);
    }
    const std::int8_t *query_high = query.high + first_coordinate;
    const std::int8_t *query_low = query.low + first_coordinate;
    for (std::size_t t = 0; t < count; t++) {
        const __m512i h = broadcast_four(query_high + 4 * t);
        const __m512i l = broadcast_four(query_low + 4 * t);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            const __m512i u = _mm512_loadu_si512(tiles + 256 * t + 64 * v);
            high[v] = _mm512_dpbusd_epi32(high[v], u, h);
            low[v] = _mm512_dpbusd_epi32(low[v], u, l);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        _mm512_storeu_si512(sums + 16 * v, _mm512_add_epi32(low[v], _mm512_slli_epi32(high[v], 7)));
}

} // namespace

const CentroidKernels kAvx512VnniCentroidKernels = {Isa::avx512, add_tiles, finish_products};

} // namespace vx::kernel
