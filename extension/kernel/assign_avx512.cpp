// SPDX-License-Identifier: PostgreSQL
//
// assign_rows() with AVX-512 BW, for processors without VNNI: bytes 0 and 2, and bytes 1 and 3, of
// every four become 16-bit numbers, whose products are added in pairs without saturation.
#include "kernel/assign_avx512.hpp"

namespace vx::kernel
{

namespace
{

struct Avx512Bw : Avx512Lanes {
    static constexpr int kRows = 4;
    static constexpr int kVectors = 4;

    struct Row {
        __m512i even;
        __m512i odd;
    };

    using Codes = Row;

    static inline Row row(const std::int8_t *p) noexcept
    {
        std::int32_t four;
        __builtin_memcpy(&four, p, 4);
        const __m512i x = _mm512_set1_epi32(four);
        return {_mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8), _mm512_srai_epi16(x, 8)};
    }

    static inline Codes codes(const std::uint8_t *p) noexcept
    {
        const __m512i u = _mm512_loadu_si512(p);
        return {_mm512_and_si512(u, _mm512_set1_epi16(0xff)), _mm512_srli_epi16(u, 8)};
    }

    static inline Int dot(Int sums, const Codes &codes, const Row &row) noexcept
    {
        return _mm512_add_epi32(sums, _mm512_add_epi32(_mm512_madd_epi16(codes.even, row.even),
                                                       _mm512_madd_epi16(codes.odd, row.odd)));
    }
};

} // namespace

const AssignKernels kAvx512AssignKernels = {Isa::avx512, AssignLoop<Avx512Bw>::keep_nearest};

} // namespace vx::kernel
