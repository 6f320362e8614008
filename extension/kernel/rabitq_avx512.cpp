// SPDX-License-Identifier: PostgreSQL
//
// Scanning and refining with AVX-512: four quads per shuffle, as FastScan does it.
#include "kernel/rabitq_avx512.hpp"

namespace vx::kernel
{

namespace
{

struct Shuffle {
    /// Sums of 16 bits; those of even bytes also hold 256 times those of odd ones, until the end.
    struct Sums {
        __m512i even = _mm512_setzero_si512();
        __m512i odd = _mm512_setzero_si512();

        inline void add(__m512i entries) noexcept
        {
            even = _mm512_add_epi16(even, entries);
            odd = _mm512_add_epi16(odd, _mm512_srli_epi16(entries, 8));
        }

        /// Two quads' lanes added: even, even, odd, odd. 16 bits are enough: a lane sees a quarter
        /// of the quads, two of them at most half.
        inline __m512i fold() const noexcept
        {
            const __m512i low = _mm512_sub_epi16(even, _mm512_slli_epi16(odd, 8));
            return _mm512_add_epi16(_mm512_shuffle_i32x4(low, odd, 0x44),
                                    _mm512_shuffle_i32x4(low, odd, 0xee));
        }
    };

    static_assert(kMaxScanDimensions / 4 / 2 * 255 <= 0xffff);

    static inline __m512i widen(__m256i words) noexcept { return _mm512_cvtepu16_epi32(words); }

    static inline GroupSums group_sums(const std::uint8_t *lut, const std::uint8_t *codes,
                                       std::size_t vectors) noexcept
    {
        const __m512i nibble = _mm512_set1_epi8(0x0f);
        Sums low;
        Sums high;
        for (std::size_t i = 0; i < vectors; i += 4)
#pragma GCC unroll 4
            for (std::size_t j = i; j < i + 4; j++) {
                const __m512i code = _mm512_load_si512(codes + 64 * j);
                const __m512i table = _mm512_load_si512(lut + 64 * j);
                low.add(_mm512_shuffle_epi8(table, _mm512_and_si512(code, nibble)));
                high.add(_mm512_shuffle_epi8(table,
                                             _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble)));
            }
        const __m512i a = low.fold();
        const __m512i b = high.fold();
        const __m512i x = _mm512_shuffle_i32x4(a, b, 0x88); // slots 0..31 in their order
        const __m512i y = _mm512_shuffle_i32x4(a, b, 0xdd);
        return {
            _mm512_add_epi32(widen(_mm512_castsi512_si256(x)), widen(_mm512_castsi512_si256(y))),
            _mm512_add_epi32(widen(_mm512_extracti64x4_epi64(x, 1)),
                             widen(_mm512_extracti64x4_epi64(y, 1)))};
    }

    static inline __m512i add_products(__m512i sums, Nibbles nibbles, __m512i q_low,
                                       __m512i q_high) noexcept
    {
        // 4 * 15 * 127 fits in 16 bits.
        const __m512i pairs = _mm512_add_epi16(_mm512_maddubs_epi16(nibbles.low, q_low),
                                               _mm512_maddubs_epi16(nibbles.high, q_high));
        return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
    }
};

using Kernels = Avx512Rabitq<Shuffle>;

} // namespace

const RabitqKernels kAvx512RabitqKernels = {Isa::avx512, Kernels::scan_groups, Kernels::fine_dots};

} // namespace vx::kernel
