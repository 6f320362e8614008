// SPDX-License-Identifier: PostgreSQL
//
// assign_rows() with AVX-512 VNNI: 6 rows x 64 centroids in 24 of 32 registers, one instruction for
// 64 products. Neither operand saturates: vpdpbusd adds all four products in 32 bits.
#include "kernel/assign_avx512.hpp"

namespace vx::kernel
{

namespace
{

struct Avx512Vnni : Avx512Lanes {
    static constexpr int kRows = 6;
    static constexpr int kVectors = 4;

    using Row = __m512i;
    using Codes = __m512i;

    static inline Row row(const std::int8_t *p) noexcept
    {
        std::int32_t four;
        __builtin_memcpy(&four, p, 4);
        return _mm512_set1_epi32(four);
    }

    static inline Codes codes(const std::uint8_t *p) noexcept { return _mm512_loadu_si512(p); }

    static inline Int dot(Int sums, Codes codes, Row row) noexcept
    {
        return _mm512_dpbusd_epi32(sums, codes, row);
    }
};

} // namespace

const AssignKernels kAvx512VnniAssignKernels = {Isa::avx512, AssignLoop<Avx512Vnni>::keep_nearest};

} // namespace vx::kernel
