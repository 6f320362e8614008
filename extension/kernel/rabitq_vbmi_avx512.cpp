// SPDX-License-Identifier: PostgreSQL
//
// Scanning and refining with AVX-512, VBMI and VNNI: a table of four quads, 64 entries, is looked
// up at once by indices that have been brought into row order, so that one instruction adds a row's
// four entries in 32 bits and nothing is left to fold.
#include "kernel/rabitq_avx512.hpp"

namespace vx::kernel
{

namespace
{

struct Permute {
    /// Byte 4 r + k of the result: row r (or r + 16) of quad k.
    static inline __m512i row_order() noexcept
    {
        const __m512i quad = _mm512_set1_epi32(0x30201000); // + 16 k
        const __m512i row = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
        return _mm512_or_si512(quad, _mm512_mullo_epi32(row, _mm512_set1_epi32(0x01010101)));
    }

    struct Sums {
        __m512i low = _mm512_setzero_si512();
        __m512i high = _mm512_setzero_si512();
    };

    /// (nibbles & 0x0f) + 16 k in byte k: an index into the table of four quads.
    static inline __m512i index(__m512i nibbles) noexcept
    {
        return _mm512_ternarylogic_epi32(nibbles, _mm512_set1_epi8(0x0f),
                                         _mm512_set1_epi32(0x30201000), 0xea);
    }

    static inline void add(Sums &sums, __m512i code, __m512i table) noexcept
    {
        const __m512i ones = _mm512_set1_epi8(1);
        const __m512i rows = _mm512_permutexvar_epi8(row_order(), code);
        const __m512i low = _mm512_permutexvar_epi8(index(rows), table);
        const __m512i high = _mm512_permutexvar_epi8(index(_mm512_srli_epi16(rows, 4)), table);
        sums.low = _mm512_dpbusd_epi32(sums.low, low, ones);
        sums.high = _mm512_dpbusd_epi32(sums.high, high, ones);
    }

    static inline GroupSums group_sums(const std::uint8_t *lut, const std::uint8_t *codes,
                                       std::size_t vectors) noexcept
    {
        Sums even;
        Sums odd;
        for (std::size_t i = 0; i < vectors; i += 4)
#pragma GCC unroll 4
            for (std::size_t j = i; j < i + 4; j++)
                add(j % 2 == 0 ? even : odd, _mm512_load_si512(codes + 64 * j),
                    _mm512_load_si512(lut + 64 * j));
        return {_mm512_add_epi32(even.low, odd.low), _mm512_add_epi32(even.high, odd.high)};
    }

    static inline __m512i add_products(__m512i sums, Nibbles nibbles, __m512i q_low,
                                       __m512i q_high) noexcept
    {
        return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sums, nibbles.low, q_low), nibbles.high,
                                   q_high);
    }
};

using Kernels = Avx512Rabitq<Permute>;

} // namespace

const RabitqKernels kVbmiRabitqKernels = {Isa::avx512, Kernels::scan_groups, Kernels::fine_dots};

} // namespace vx::kernel
