// SPDX-License-Identifier: PostgreSQL
//
// The loops of coding.hpp for AVX-512: 16 lanes are one register.
#include "kernel/coding_loop.hpp"
#include "kernel/rabitq_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

struct Avx512 {
    using Float = __m512;
    using Int = __m512i;
    using Mask = __mmask16;

    static inline Float zero() noexcept { return _mm512_setzero_ps(); }

    static inline Float set1(float x) noexcept { return _mm512_set1_ps(x); }

    static inline Int set_int(std::int32_t x) noexcept { return _mm512_set1_epi32(x); }

    static inline Float load(const float *p) noexcept { return _mm512_loadu_ps(p); }

    static inline void store(float *p, Float x) noexcept { _mm512_storeu_ps(p, x); }

    static inline Float add(Float a, Float b) noexcept { return _mm512_add_ps(a, b); }

    static inline Float sub(Float a, Float b) noexcept { return _mm512_sub_ps(a, b); }

    static inline Float mul(Float a, Float b) noexcept { return _mm512_mul_ps(a, b); }

    static inline Float min(Float a, Float b) noexcept { return _mm512_min_ps(a, b); }

    static inline Float max(Float a, Float b) noexcept { return _mm512_max_ps(a, b); }

    static inline Float abs(Float x) noexcept { return _mm512_abs_ps(x); }

    static inline Float half_like(Float x) noexcept
    {
        // (x & sign) | half
        return _mm512_castsi512_ps(
            _mm512_ternarylogic_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(INT32_MIN),
                                      _mm512_castps_si512(_mm512_set1_ps(0.5f)), 0xea));
    }

    static inline Mask mask(std::uint32_t bits) noexcept { return static_cast<Mask>(bits); }

    static inline std::uint32_t bits(Mask m) noexcept { return m; }

    static inline Mask not_positive(Float x) noexcept
    {
        return _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NGT_UQ);
    }

    static inline Float flip(Float x, Mask m) noexcept
    {
        return _mm512_mask_xor_ps(x, m, x, _mm512_set1_ps(-0.0f));
    }

    static inline Float butterflies(Float x) noexcept
    {
        x = _mm512_add_ps(_mm512_permute_ps(x, 0xb1), flip(x, 0xaaaa));
        x = _mm512_add_ps(_mm512_permute_ps(x, 0x4e), flip(x, 0xcccc));
        x = _mm512_add_ps(_mm512_shuffle_f32x4(x, x, 0xb1), flip(x, 0xf0f0));
        return _mm512_add_ps(_mm512_shuffle_f32x4(x, x, 0x4e), flip(x, 0xff00));
    }

    static inline Float quad_sums(Float x) noexcept
    {
        x = _mm512_add_ps(x, _mm512_permute_ps(x, 0xb1));
        return _mm512_add_ps(x, _mm512_permute_ps(x, 0x4e));
    }

    static inline float sum(Float x) noexcept
    {
        x = _mm512_add_ps(x, _mm512_shuffle_f32x4(x, x, 0x4e));
        x = _mm512_add_ps(x, _mm512_shuffle_f32x4(x, x, 0xb1));
        x = _mm512_add_ps(x, _mm512_permute_ps(x, 0x4e));
        return _mm512_cvtss_f32(_mm512_add_ps(x, _mm512_permute_ps(x, 0xb1)));
    }

    static inline float greatest(Float x) noexcept { return _mm512_reduce_max_ps(x); }

    static inline Int truncate(Float x) noexcept { return _mm512_cvttps_epi32(x); }

    static inline Float to_float(Int x) noexcept { return _mm512_cvtepi32_ps(x); }

    static inline Int add(Int a, Int b) noexcept { return _mm512_add_epi32(a, b); }

    static inline Int exclusive_or(Int a, Int b) noexcept { return _mm512_xor_si512(a, b); }

    static inline Int invert(Int x, Mask m) noexcept
    {
        return _mm512_mask_xor_epi32(x, m, x, _mm512_set1_epi32(15));
    }

    static inline std::int32_t sum(Int x) noexcept { return _mm512_reduce_add_epi32(x); }

    static inline void store_bytes(std::uint8_t *p, Int x) noexcept
    {
        _mm_storeu_si128(reinterpret_cast<__m128i *>(p), _mm512_cvtepi32_epi8(x));
    }

    static inline void store_nibbles(std::uint8_t *p, Int low, Int high) noexcept
    {
        store_bytes(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 4)));
    }
};

} // namespace

const CodingKernels kAvx512CodingKernels = CodingLoop<Avx512>::table(Isa::avx512);

} // namespace vx::kernel
