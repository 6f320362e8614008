// SPDX-License-Identifier: PostgreSQL
//
// assign_rows() with AVX2: 2 rows x 32 centroids in 8 of 16 registers. Bytes 0 and 2, and bytes 1
// and 3, of every four become 16-bit numbers: vpmaddubsw would saturate.
#include "kernel/assign_loop.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

struct Avx2 {
    using Int = __m256i;
    using Float = __m256;
    static constexpr int kLanes = 8;
    static constexpr int kRows = 2;
    static constexpr int kVectors = 4;

    struct Row {
        __m256i even;
        __m256i odd;
    };

    using Codes = Row;

    static inline Row row(const std::int8_t *p) noexcept
    {
        std::int32_t four;
        __builtin_memcpy(&four, p, 4);
        const __m256i x = _mm256_set1_epi32(four);
        return {_mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), _mm256_srai_epi16(x, 8)};
    }

    static inline Codes codes(const std::uint8_t *p) noexcept
    {
        const __m256i u = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
        return {_mm256_and_si256(u, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(u, 8)};
    }

    static inline Int dot(Int sums, const Codes &codes, const Row &row) noexcept
    {
        return _mm256_add_epi32(sums, _mm256_add_epi32(_mm256_madd_epi16(codes.even, row.even),
                                                       _mm256_madd_epi16(codes.odd, row.odd)));
    }

    static inline Int set(std::int32_t i) noexcept { return _mm256_set1_epi32(i); }

    static inline Int add(Int a, Int b) noexcept { return _mm256_add_epi32(a, b); }

    static inline Int lanes() noexcept { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }

    static inline Float load(const float *p) noexcept { return _mm256_loadu_ps(p); }

    static inline Int load(const std::int32_t *p) noexcept
    {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
    }

    static inline Float broadcast(float x) noexcept { return _mm256_set1_ps(x); }

    static inline Float score(Int sums, Float scale, Float norm, Float factor) noexcept
    {
        return _mm256_fmadd_ps(factor, _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale), norm);
    }

    static inline void keep_less(Float score, Int list, Float &best, Int &best_list) noexcept
    {
        const __m256 less = _mm256_cmp_ps(score, best, _CMP_LT_OQ);
        best = _mm256_blendv_ps(best, score, less);
        best_list = _mm256_blendv_epi8(best_list, list, _mm256_castps_si256(less));
    }

    static inline unsigned less(Float a, Float b) noexcept
    {
        return unsigned(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ)));
    }

    static inline void store(float *p, Float x) noexcept { _mm256_storeu_ps(p, x); }

    static inline void store(std::int32_t *p, Int x) noexcept
    {
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), x);
    }
};

} // namespace

const AssignKernels kAvx2AssignKernels = {Isa::avx2, AssignLoop<Avx2>::keep_nearest};

} // namespace vx::kernel
