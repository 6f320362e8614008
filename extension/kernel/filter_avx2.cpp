// SPDX-License-Identifier: PostgreSQL
//
// Range comparisons for AVX2: what is *outside* is found, since there is only "greater than".
#include "kernel/filter.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

inline __m256i
load(const std::uint8_t *group, int number) noexcept
{
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(group) + number);
}

inline const std::uint8_t *
group_of(const ValueRun &run, std::uint32_t g) noexcept
{
    return run.values + static_cast<std::size_t>(g) * run.stride;
}

inline std::uint32_t
byte_bits(__m256i v) noexcept
{
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(v));
}

inline __m256i
outside_2(__m256i v, __m256i low, __m256i high) noexcept
{
    return _mm256_or_si256(_mm256_cmpgt_epi16(low, v), _mm256_cmpgt_epi16(v, high));
}

inline std::uint32_t
outside_4(__m256i v, __m256i low, __m256i high) noexcept
{
    const __m256i out = _mm256_or_si256(_mm256_cmpgt_epi32(low, v), _mm256_cmpgt_epi32(v, high));
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(out)));
}

inline std::uint32_t
greater_8(__m256i a, __m256i b) noexcept
{
    return static_cast<std::uint32_t>(
        _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(a, b))));
}

void
range_1(const ValueRun &run, std::int8_t low, std::int8_t high, std::uint32_t *masks) noexcept
{
    const __m256i from = _mm256_set1_epi8(low);
    const __m256i to = _mm256_set1_epi8(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const __m256i v = load(group_of(run, g), 0);
        masks[g] &=
            ~byte_bits(_mm256_or_si256(_mm256_cmpgt_epi8(from, v), _mm256_cmpgt_epi8(v, to)));
    }
}

void
range_2(const ValueRun &run, std::int16_t low, std::int16_t high, std::uint32_t *masks) noexcept
{
    const __m256i from = _mm256_set1_epi16(low);
    const __m256i to = _mm256_set1_epi16(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *group = group_of(run, g);
        const __m256i out = _mm256_packs_epi16(outside_2(load(group, 0), from, to),
                                               outside_2(load(group, 1), from, to));
        masks[g] &= ~byte_bits(_mm256_permute4x64_epi64(out, 0xd8)); // packs works within halves
    }
}

void
range_4(const ValueRun &run, std::int32_t low, std::int32_t high, std::uint32_t *masks) noexcept
{
    const __m256i from = _mm256_set1_epi32(low);
    const __m256i to = _mm256_set1_epi32(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *group = group_of(run, g);
        std::uint32_t out = 0;
        for (int i = 0; i < 4; i++)
            out |= outside_4(load(group, i), from, to) << (8 * i);
        masks[g] &= ~out;
    }
}

void
range_8(const ValueRun &run, std::int64_t low, std::int64_t high, std::uint32_t *masks) noexcept
{
    const __m256i from = _mm256_set1_epi64x(low);
    const __m256i to = _mm256_set1_epi64x(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *group = group_of(run, g);
        std::uint32_t out = 0;
        for (int i = 0; i < 8; i++) {
            const __m256i v = load(group, i);
            out |= (greater_8(from, v) | greater_8(v, to)) << (4 * i);
        }
        masks[g] &= ~out;
    }
}

/// Two values of 16 bytes as four signed numbers that are ordered as the bytes are.
inline __m256i
comparable(__m256i bytes) noexcept
{
    const __m256i reverse = _mm256_broadcastsi128_si256(
        _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    return _mm256_xor_si256(_mm256_shuffle_epi8(bytes, reverse),
                            _mm256_set1_epi64x(static_cast<long long>(1ULL << 63)));
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

inline __m256i
load_bound(const std::uint8_t *bound) noexcept
{
    return comparable(
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(bound))));
}

void
range_16(const ValueRun &run, const std::uint8_t *low, const std::uint8_t *high,
         std::uint32_t *masks) noexcept
{
    const __m256i from = load_bound(low);
    const __m256i to = load_bound(high);
    for (std::uint32_t g = 0; g < run.count; g++) {
        const std::uint8_t *group = group_of(run, g);
        std::uint32_t out = 0;
        for (int half = 0; half < 2; half++) {
            std::uint32_t below = 0, not_below = 0, above = 0, not_above = 0;
            for (int i = 0; i < 8; i++) {
                const __m256i v = comparable(load(group, half * 8 + i));
                below |= greater_8(from, v) << (4 * i);
                not_below |= greater_8(v, from) << (4 * i);
                above |= greater_8(v, to) << (4 * i);
                not_above |= greater_8(to, v) << (4 * i);
            }
            const std::uint32_t bits = less_16(below, not_below) | less_16(above, not_above);
            out |= compress_even(bits) << (16 * half);
        }
        masks[g] &= ~out;
    }
}

} // namespace

const FilterKernels kAvx2FilterKernels = {
    Isa::avx2, range_1, range_2, range_4, range_8, range_16,
};

} // namespace vx::kernel
