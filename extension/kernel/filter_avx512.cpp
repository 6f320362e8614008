// SPDX-License-Identifier: PostgreSQL
//
// Range comparisons for AVX-512, whose comparisons give bits.
#include "kernel/filter.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

inline __m512i
load(const std::uint8_t *group, int number) noexcept
{
    return _mm512_loadu_si512(group + 64 * number);
}

inline const std::uint8_t *
group_of(const ValueRun &run, std::uint32_t g) noexcept
{
    return run.values + static_cast<std::size_t>(g) * run.stride;
}

void
range_1(const ValueRun &run, std::int8_t low, std::int8_t high, std::uint32_t *masks) noexcept
{
    const __m256i from = _mm256_set1_epi8(low);
    const __m256i to = _mm256_set1_epi8(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(group_of(run, g)));
        masks[g] &= _mm256_mask_cmple_epi8_mask(_mm256_cmple_epi8_mask(from, v), v, to);
    }
}

void
range_2(const ValueRun &run, std::int16_t low, std::int16_t high, std::uint32_t *masks) noexcept
{
    const __m512i from = _mm512_set1_epi16(low);
    const __m512i to = _mm512_set1_epi16(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const __m512i v = load(group_of(run, g), 0);
        masks[g] &= _mm512_mask_cmple_epi16_mask(_mm512_cmple_epi16_mask(from, v), v, to);
    }
}

void
range_4(const ValueRun &run, std::int32_t low, std::int32_t high, std::uint32_t *masks) noexcept
{
    const __m512i from = _mm512_set1_epi32(low);
    const __m512i to = _mm512_set1_epi32(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *group = group_of(run, g);
        std::uint32_t in = 0;
        for (int i = 0; i < 2; i++) {
            const __m512i v = load(group, i);
            const std::uint32_t bits =
                _mm512_mask_cmple_epi32_mask(_mm512_cmple_epi32_mask(from, v), v, to);
            in |= bits << (16 * i);
        }
        masks[g] &= in;
    }
}

void
range_8(const ValueRun &run, std::int64_t low, std::int64_t high, std::uint32_t *masks) noexcept
{
    const __m512i from = _mm512_set1_epi64(low);
    const __m512i to = _mm512_set1_epi64(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *group = group_of(run, g);
        std::uint32_t in = 0;
        for (int i = 0; i < 4; i++) {
            const __m512i v = load(group, i);
            const std::uint32_t bits =
                _mm512_mask_cmple_epi64_mask(_mm512_cmple_epi64_mask(from, v), v, to);
            in |= bits << (8 * i);
        }
        masks[g] &= in;
    }
}

/// Four values of 16 bytes as eight unsigned numbers that are ordered as the bytes are.
inline __m512i
comparable(__m512i bytes) noexcept
{
    const __m512i reverse =
        _mm512_broadcast_i32x4(_mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    return _mm512_shuffle_epi8(bytes, reverse);
}

/// Of 16 values: bit 2 i says something of value i's first half, bit 2 i + 1 of its second. The
/// value is less if its first half is, or is not greater and the second is less. Bits 2 i.
inline std::uint32_t
less_16(std::uint32_t less, std::uint32_t greater) noexcept
{
    return (less | (~greater & (less >> 1))) & 0x55555555u;
}

/// Bits 0, 2, 4 ... become bits 0, 1, 2 ...
inline std::uint32_t
compress_even(std::uint32_t x) noexcept
{
    x = (x | (x >> 1)) & 0x33333333u;
    x = (x | (x >> 2)) & 0x0f0f0f0fu;
    x = (x | (x >> 4)) & 0x00ff00ffu;
    return (x | (x >> 8)) & 0x0000ffffu;
}

inline __m512i
load_bound(const std::uint8_t *bound) noexcept
{
    return comparable(
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i *>(bound))));
}

inline std::uint32_t
less_8(__m512i a, __m512i b) noexcept
{
    return _mm512_cmplt_epu64_mask(a, b);
}

void
range_16(const ValueRun &run, const std::uint8_t *low, const std::uint8_t *high,
         std::uint32_t *masks) noexcept
{
    const __m512i from = load_bound(low);
    const __m512i to = load_bound(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *group = group_of(run, g);
        std::uint32_t out = 0;
        for (int half = 0; half < 2; half++) {
            std::uint32_t below = 0, not_below = 0, above = 0, not_above = 0;
            for (int i = 0; i < 4; i++) {
                const __m512i v = comparable(load(group, half * 4 + i));
                below |= less_8(v, from) << (8 * i);
                not_below |= less_8(from, v) << (8 * i);
                above |= less_8(to, v) << (8 * i);
                not_above |= less_8(v, to) << (8 * i);
            }
            const std::uint32_t bits = less_16(below, not_below) | less_16(above, not_above);
            out |= compress_even(bits) << (16 * half);
        }
        masks[g] &= ~out;
    }
}

} // namespace

const FilterKernels kAvx512FilterKernels = {
    Isa::avx512, range_1, range_2, range_4, range_8, range_16,
};

} // namespace vx::kernel
