// SPDX-License-Identifier: PostgreSQL
//
// more_lists() with AVX2: 8 distances at a time; few lists pass, so they are written one by one.
#include "kernel/centroid_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

constexpr std::uint32_t kLanes = 8;
constexpr std::uint32_t kGroups = 512;
constexpr std::int32_t kNone = 0x7fffffff;

inline __m256i
load(const std::int32_t *p) noexcept
{
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
}

/// order_key() of the distances from i on; the greatest number for lanes behind the end.
inline __m256i
keys(const float *distances, std::uint32_t i, std::uint32_t end) noexcept
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i exists =
        _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<std::int32_t>(end - i)), lanes);
    const __m256 x = _mm256_add_ps(_mm256_maskload_ps(distances + i, exists), _mm256_setzero_ps());
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i flip =
        _mm256_and_si256(_mm256_srai_epi32(bits, 31), _mm256_set1_epi32(0x7fffffff));
    return _mm256_blendv_epi8(_mm256_set1_epi32(kNone), _mm256_xor_si256(bits, flip), exists);
}

void
minima(const float *distances, std::uint32_t begin, std::uint32_t end, std::int32_t above,
       std::int32_t *groups) noexcept
{
    const __m256i floor = _mm256_set1_epi32(above);
    for (std::uint32_t i = begin; i < end; i += kLanes) {
        const __m256i key = keys(distances, i, end);
        std::int32_t *group = groups + (i - begin) % kGroups;
        const __m256i least = load(group);
        const __m256i least_now = _mm256_min_epi32(least, key);
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(group),
                            _mm256_blendv_epi8(least, least_now, _mm256_cmpgt_epi32(key, floor)));
    }
}

std::uint32_t
count_up_to(const std::int32_t *groups, std::int32_t key) noexcept
{
    const __m256i limit = _mm256_set1_epi32(key);
    __m256i above = _mm256_setzero_si256(); // minus how many exceed the key
    for (std::uint32_t i = 0; i < kGroups; i += kLanes)
        above = _mm256_add_epi32(above, _mm256_cmpgt_epi32(load(groups + i), limit));
    std::int32_t lanes[kLanes];
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(lanes), above);
    std::int32_t count = kGroups;
    for (std::int32_t lane : lanes)
        count += lane;
    return static_cast<std::uint32_t>(count);
}

std::uint32_t
pick(const float *distances, std::uint32_t *from, std::uint32_t end, std::int32_t above,
     std::int32_t up_to, std::uint32_t *lists, std::uint32_t room) noexcept
{
    const __m256i floor = _mm256_set1_epi32(above);
    const __m256i ceiling = _mm256_set1_epi32(up_to);
    std::uint32_t count = 0;
    std::uint32_t i = *from;
    for (; i < end && count + kLanes <= room; i += kLanes) {
        const __m256i key = keys(distances, i, end);
        const __m256i wanted =
            _mm256_andnot_si256(_mm256_cmpgt_epi32(key, ceiling), _mm256_cmpgt_epi32(key, floor));
        auto mask = static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(wanted)));
        for (; mask != 0; mask &= mask - 1)
            lists[count++] = i + static_cast<std::uint32_t>(__builtin_ctz(mask));
    }
    *from = i < end ? i : end;
    return count;
}

} // namespace

const ListOrderKernels kAvx2ListOrderKernels = {Isa::avx2, minima, count_up_to, pick};

} // namespace vx::kernel
