// SPDX-License-Identifier: PostgreSQL
//
// The loops of coding.hpp for AVX2: 16 lanes are two registers.
#include "kernel/coding_loop.hpp"
#include "kernel/rabitq_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

struct Avx2 {
    struct Float {
        __m256 low;
        __m256 high;
    };

    struct Int {
        __m256i low;
        __m256i high;
    };

    using Mask = Int; // all bits of a lane or none

    static inline __m256 sign() noexcept { return _mm256_set1_ps(-0.0f); }

    static inline Float zero() noexcept { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

    static inline Float set1(float x) noexcept { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }

    static inline Int set_int(std::int32_t x) noexcept
    {
        return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
    }

    static inline Float load(const float *p) noexcept
    {
        return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
    }

    static inline void store(float *p, Float x) noexcept
    {
        _mm256_storeu_ps(p, x.low);
        _mm256_storeu_ps(p + 8, x.high);
    }

    static inline Float add(Float a, Float b) noexcept
    {
        return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
    }

    static inline Float sub(Float a, Float b) noexcept
    {
        return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
    }

    static inline Float mul(Float a, Float b) noexcept
    {
        return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
    }

    static inline Float min(Float a, Float b) noexcept
    {
        return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
    }

    static inline Float max(Float a, Float b) noexcept
    {
        return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
    }

    static inline Float abs(Float x) noexcept
    {
        return {_mm256_andnot_ps(sign(), x.low), _mm256_andnot_ps(sign(), x.high)};
    }

    static inline __m256 half_like(__m256 x) noexcept
    {
        return _mm256_or_ps(_mm256_and_ps(x, sign()), _mm256_set1_ps(0.5f));
    }

    static inline Float half_like(Float x) noexcept
    {
        return {half_like(x.low), half_like(x.high)};
    }

    static inline Mask mask(std::uint32_t bits) noexcept
    {
        const __m256i all = _mm256_set1_epi32(static_cast<std::int32_t>(bits));
        const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        const __m256i next = _mm256_slli_epi32(lane, 8);
        return {_mm256_cmpeq_epi32(_mm256_and_si256(all, lane), lane),
                _mm256_cmpeq_epi32(_mm256_and_si256(all, next), next)};
    }

    static inline std::uint32_t bits(Mask m) noexcept
    {
        const int low = _mm256_movemask_ps(_mm256_castsi256_ps(m.low));
        const int high = _mm256_movemask_ps(_mm256_castsi256_ps(m.high));
        return static_cast<std::uint32_t>(low | high << 8);
    }

    static inline __m256i not_positive(__m256 x) noexcept
    {
        return _mm256_castps_si256(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NGT_UQ));
    }

    static inline Mask not_positive(Float x) noexcept
    {
        return {not_positive(x.low), not_positive(x.high)};
    }

    static inline __m256 flip(__m256 x, __m256i m) noexcept
    {
        return _mm256_xor_ps(x, _mm256_and_ps(_mm256_castsi256_ps(m), sign()));
    }

    static inline Float flip(Float x, Mask m) noexcept
    {
        return {flip(x.low, m.low), flip(x.high, m.high)};
    }

    /// Of eight lanes: neighbours, neighbours but one, halves.
    static inline __m256 butterflies(__m256 x) noexcept
    {
        const __m256 flip1 = _mm256_setr_ps(0, -0.0f, 0, -0.0f, 0, -0.0f, 0, -0.0f);
        const __m256 flip2 = _mm256_setr_ps(0, 0, -0.0f, -0.0f, 0, 0, -0.0f, -0.0f);
        const __m256 flip4 = _mm256_setr_ps(0, 0, 0, 0, -0.0f, -0.0f, -0.0f, -0.0f);
        x = _mm256_add_ps(_mm256_permute_ps(x, 0xb1), _mm256_xor_ps(x, flip1));
        x = _mm256_add_ps(_mm256_permute_ps(x, 0x4e), _mm256_xor_ps(x, flip2));
        return _mm256_add_ps(_mm256_permute2f128_ps(x, x, 0x01), _mm256_xor_ps(x, flip4));
    }

    static inline Float butterflies(Float x) noexcept
    {
        const __m256 a = butterflies(x.low);
        const __m256 b = butterflies(x.high);
        return {_mm256_add_ps(a, b), _mm256_sub_ps(a, b)};
    }

    static inline __m256 quad_sums(__m256 x) noexcept
    {
        x = _mm256_add_ps(x, _mm256_permute_ps(x, 0xb1));
        return _mm256_add_ps(x, _mm256_permute_ps(x, 0x4e));
    }

    static inline Float quad_sums(Float x) noexcept
    {
        return {quad_sums(x.low), quad_sums(x.high)};
    }

    static inline float sum(Float x) noexcept
    {
        const __m256 s = _mm256_add_ps(x.low, x.high);
        __m128 t = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
        t = _mm_add_ps(t, _mm_permute_ps(t, 0x4e));
        return _mm_cvtss_f32(_mm_add_ps(t, _mm_permute_ps(t, 0xb1)));
    }

    static inline float greatest(Float x) noexcept
    {
        const __m256 s = _mm256_max_ps(x.low, x.high);
        __m128 t = _mm_max_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
        t = _mm_max_ps(t, _mm_permute_ps(t, 0x4e));
        return _mm_cvtss_f32(_mm_max_ps(t, _mm_permute_ps(t, 0xb1)));
    }

    static inline Int truncate(Float x) noexcept
    {
        return {_mm256_cvttps_epi32(x.low), _mm256_cvttps_epi32(x.high)};
    }

    static inline Float to_float(Int x) noexcept
    {
        return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)};
    }

    static inline Int add(Int a, Int b) noexcept
    {
        return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
    }

    static inline Int exclusive_or(Int a, Int b) noexcept
    {
        return {_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)};
    }

    static inline Int invert(Int x, Mask m) noexcept
    {
        const __m256i all = _mm256_set1_epi32(15);
        return {_mm256_xor_si256(x.low, _mm256_and_si256(m.low, all)),
                _mm256_xor_si256(x.high, _mm256_and_si256(m.high, all))};
    }

    static inline std::int32_t sum(Int x) noexcept
    {
        const __m256i s = _mm256_add_epi32(x.low, x.high);
        __m128i t = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
        t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0x4e));
        return _mm_cvtsi128_si32(_mm_add_epi32(t, _mm_shuffle_epi32(t, 0xb1)));
    }

    /// The low byte of each lane.
    static inline void store_bytes(std::uint8_t *p, Int x) noexcept
    {
        const __m256i byte = _mm256_set1_epi32(0xff);
        const __m256i words =
            _mm256_packus_epi32(_mm256_and_si256(x.low, byte), _mm256_and_si256(x.high, byte));
        const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
        _mm_storeu_si128(reinterpret_cast<__m128i *>(p),
                         _mm_packus_epi16(_mm256_castsi256_si128(ordered),
                                          _mm256_extracti128_si256(ordered, 1)));
    }

    static inline void store_nibbles(std::uint8_t *p, Int low, Int high) noexcept
    {
        store_bytes(p, {_mm256_or_si256(low.low, _mm256_slli_epi32(high.low, 4)),
                        _mm256_or_si256(low.high, _mm256_slli_epi32(high.high, 4))});
    }
};

} // namespace

const CodingKernels kAvx2CodingKernels = CodingLoop<Avx2>::table(Isa::avx2);

} // namespace vx::kernel
