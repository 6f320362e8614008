// SPDX-License-Identifier: PostgreSQL
//
// more_lists() with AVX-512: 16 distances at a time, the lists picked by compression.
#include "kernel/centroid_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

constexpr std::uint32_t kLanes = 16;
constexpr std::uint32_t kGroups = 512;
constexpr std::int32_t kNone = 0x7fffffff;

inline __m512i
key_of(__m512 distances) noexcept // order_key()
{
    const __m512i bits = _mm512_castps_si512(_mm512_add_ps(distances, _mm512_setzero_ps()));
    const __m512i flip =
        _mm512_and_si512(_mm512_srai_epi32(bits, 31), _mm512_set1_epi32(0x7fffffff));
    return _mm512_xor_si512(bits, flip);
}

/// The keys from i on; the greatest number for lanes behind the end.
inline __m512i
keys(const float *distances, std::uint32_t i, std::uint32_t end) noexcept
{
    if (end - i >= kLanes)
        return key_of(_mm512_loadu_ps(distances + i));
    const auto exists = static_cast<__mmask16>((1u << (end - i)) - 1);
    return _mm512_mask_mov_epi32(_mm512_set1_epi32(kNone), exists,
                                 key_of(_mm512_maskz_loadu_ps(exists, distances + i)));
}

void
minima(const float *distances, std::uint32_t begin, std::uint32_t end, std::int32_t above,
       std::int32_t *groups) noexcept
{
    const __m512i floor = _mm512_set1_epi32(above);
    for (std::uint32_t i = begin; i < end; i += kLanes) {
        const __m512i key = keys(distances, i, end);
        std::int32_t *group = groups + (i - begin) % kGroups;
        const __m512i least = _mm512_loadu_si512(group);
        _mm512_storeu_si512(
            group, _mm512_mask_min_epi32(least, _mm512_cmpgt_epi32_mask(key, floor), least, key));
    }
}

std::uint32_t
count_up_to(const std::int32_t *groups, std::int32_t key) noexcept
{
    const __m512i limit = _mm512_set1_epi32(key);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < kGroups; i += kLanes)
        count += static_cast<std::uint32_t>(
            __builtin_popcount(_mm512_cmple_epi32_mask(_mm512_loadu_si512(groups + i), limit)));
    return count;
}

std::uint32_t
pick(const float *distances, std::uint32_t *from, std::uint32_t end, std::int32_t above,
     std::int32_t up_to, std::uint32_t *lists, std::uint32_t room) noexcept
{
    const __m512i floor = _mm512_set1_epi32(above);
    const __m512i ceiling = _mm512_set1_epi32(up_to);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    std::uint32_t count = 0;
    std::uint32_t i = *from;
    for (; i < end && count + kLanes <= room; i += kLanes) {
        const __m512i key = keys(distances, i, end);
        const __mmask16 wanted =
            _mm512_mask_cmple_epi32_mask(_mm512_cmpgt_epi32_mask(key, floor), key, ceiling);
        const __m512i numbers = _mm512_add_epi32(lanes, _mm512_set1_epi32(std::int32_t(i)));
        // All lanes are stored, there is room: the compressing store is slow on some processors.
        _mm512_storeu_si512(lists + count, _mm512_maskz_compress_epi32(wanted, numbers));
        count += static_cast<std::uint32_t>(__builtin_popcount(wanted));
    }
    *from = i < end ? i : end;
    return count;
}

} // namespace

const ListOrderKernels kAvx512ListOrderKernels = {Isa::avx512, minima, count_up_to, pick};

} // namespace vx::kernel
