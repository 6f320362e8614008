// SPDX-License-Identifier: PostgreSQL
//
// What the AVX-512 paths of rabitq.hpp share: a class C brings the sums of a group and the products
// with nibbles. Included only by the files rabitq_*avx512.cpp, in whose unnamed namespace it stays
// (README, rule 1).
#pragma once

#include "kernel/rabitq_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

/// Of the 32 rows of a group: of slots 0..15 and 16..31.
struct GroupSums {
    __m512i first;
    __m512i second;
};

/// Both nibbles of 64 bytes.
struct Nibbles {
    __m512i low;
    __m512i high;
};

/// C has: group_sums(lut, codes, vectors): over that many vectors of 4 quads;
/// add_products(sums, nibbles, low_query, high_query): 16 partial sums.
template <class C> struct Avx512Rabitq {
    struct Bound {
        __m512 scale;
        __m512 base;
        __m512 g;
        __m512 margin;
        __m512 threshold;
    };

    struct HalfGroup {
        __m512 lower;
        __m512 ip;
        std::uint32_t kept;
    };

    static inline HalfGroup bound_rows(const Bound &bound, __m512i sums, const std::uint8_t *add,
                                       const std::uint8_t *rescale) noexcept
    {
        const __m512 f = load_halves(rescale);
        const __m512 ip = _mm512_fmadd_ps(bound.scale, _mm512_cvtepi32_ps(sums), bound.base);
        const __m512 estimate = _mm512_fmadd_ps(f, ip, _mm512_add_ps(load_halves(add), bound.g));
        const __m512 lower = _mm512_fnmadd_ps(bound.margin, _mm512_abs_ps(f), estimate);
        return {lower, ip, _mm512_cmp_ps_mask(lower, bound.threshold, _CMP_LT_OQ)};
    }

    static inline __m512 load_halves(const std::uint8_t *p) noexcept
    {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
    }

    static inline void fetch_row(const GroupRun &run, std::uint32_t slot) noexcept
    {
        if (run.rows != nullptr)
            __builtin_prefetch(run.rows + std::size_t{slot} * run.row_bytes);
    }

    /// Few rows survive, so this need not be fast, only out of the way.
    static __attribute__((noinline)) Survivor *keep(const GroupRun &run, Survivor *out,
                                                    std::uint32_t slot, std::uint32_t kept,
                                                    const HalfGroup &first,
                                                    const HalfGroup &second) noexcept
    {
        alignas(64) float lower[32];
        alignas(64) float ip[32];
        _mm512_store_ps(lower, first.lower);
        _mm512_store_ps(lower + 16, second.lower);
        _mm512_store_ps(ip, first.ip);
        _mm512_store_ps(ip + 16, second.ip);
        for (; kept != 0; kept &= kept - 1) {
            const auto row = static_cast<std::uint32_t>(__builtin_ctz(kept));
            fetch_row(run, slot + row);
            *out++ = {slot + row, lower[row], ip[row]};
        }
        return out;
    }

    /// Fetches its share of the next run beside group i.
    static inline void fetch_ahead(const GroupRun &run, std::uint32_t i,
                                   std::uint32_t *fetched) noexcept
    {
        const std::uint32_t bytes = run.rescale_offset + 64;
        for (; std::uint64_t{*fetched} * run.count < std::uint64_t{i + 1} * run.next_groups;
             ++*fetched)
            for (std::uint32_t at = 0; at < bytes; at += 64)
                __builtin_prefetch(run.next + std::size_t{*fetched} * run.stride + at, 0, 2);
    }

    static std::uint32_t scan_groups(const ScanQuery &query, const GroupRun &run,
                                     const std::uint32_t *masks, float g, float margin,
                                     float threshold, Survivor *out) noexcept
    {
        const Bound bound = {_mm512_set1_ps(query.scale), _mm512_set1_ps(query.base),
                             _mm512_set1_ps(g), _mm512_set1_ps(margin), _mm512_set1_ps(threshold)};
        const std::size_t vectors = query.scan_dimensions / 16;
        Survivor *end = out;
        std::uint32_t fetched = 0;
        const std::uint8_t *group = run.codes;
        for (std::uint32_t i = 0; i < run.count; i++, group += run.stride) {
            fetch_ahead(run, i, &fetched);
            if (masks != nullptr && masks[i] == 0)
                continue;
            const GroupSums sums = C::group_sums(query.lut, group, vectors);
            const std::uint8_t *add = group + run.add_offset;
            const std::uint8_t *rescale = group + run.rescale_offset;
            const HalfGroup first = bound_rows(bound, sums.first, add, rescale);
            const HalfGroup second = bound_rows(bound, sums.second, add + 32, rescale + 32);
            std::uint32_t kept = first.kept | second.kept << 16;
            if (masks != nullptr)
                kept &= masks[i];
            if (__builtin_expect(kept != 0, 0))
                end = keep(run, end, i * std::uint32_t{kGroupRows}, kept, first, second);
        }
        return static_cast<std::uint32_t>(end - out);
    }

    // ---- fine codes

    static inline Nibbles split(__m512i bytes) noexcept
    {
        const __m512i low = _mm512_set1_epi8(0x0f);
        return {_mm512_and_si512(bytes, low), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low)};
    }

    static inline __m512i load(const void *p) noexcept { return _mm512_loadu_si512(p); }

    /// a[0] + a[1] + ..., b[...], c[...], d[...] within each lane of 128 bits, then over the lanes.
    static inline __m128i add_up(const __m512i *s) noexcept
    {
        const __m512i ab =
            _mm512_add_epi32(_mm512_unpacklo_epi32(s[0], s[1]), _mm512_unpackhi_epi32(s[0], s[1]));
        const __m512i cd =
            _mm512_add_epi32(_mm512_unpacklo_epi32(s[2], s[3]), _mm512_unpackhi_epi32(s[2], s[3]));
        const __m512i all =
            _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        const __m256i half =
            _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
        return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    }

    /// Four records: they share the loads of the query and the final sums.
    static inline __m128i four_dots(const FineQuery &query,
                                    const std::uint8_t *const *records) noexcept
    {
        const std::size_t half = query.padded / 2;
        const std::int8_t *low = query.q8;
        const std::int8_t *high = query.q8 + half;
        __m512i sums[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                           _mm512_setzero_si512()};
        std::size_t i = 0;
        for (; i + 64 <= half; i += 64) {
            const __m512i q_low = load(low + i);
            const __m512i q_high = load(high + i);
#pragma GCC unroll 4
            for (int r = 0; r < 4; r++)
                sums[r] = C::add_products(sums[r], split(load(records[r] + i)), q_low, q_high);
        }
        if (i < half) { // 32 more
            const __mmask64 present = 0xffffffff;
            const __m512i q_low = _mm512_maskz_loadu_epi8(present, low + i);
            const __m512i q_high = _mm512_maskz_loadu_epi8(present, high + i);
#pragma GCC unroll 4
            for (int r = 0; r < 4; r++)
                sums[r] = C::add_products(sums[r],
                                          split(_mm512_maskz_loadu_epi8(present, records[r] + i)),
                                          q_low, q_high);
        }
        return add_up(sums);
    }

    static void fine_dots(const FineQuery &query, const std::uint8_t *const *records,
                          std::size_t count, std::int32_t *dots) noexcept
    {
        for (; count >= 4; count -= 4, records += 4, dots += 4)
            _mm_storeu_si128(reinterpret_cast<__m128i *>(dots), four_dots(query, records));
        if (count == 0)
            return;
        const std::uint8_t *const rest[4] = {records[0], records[count > 1 ? 1 : 0],
                                             records[count > 2 ? 2 : 0], records[0]};
        _mm_mask_storeu_epi32(dots, static_cast<__mmask8>((1u << count) - 1),
                              four_dots(query, rest));
    }
};

} // namespace

} // namespace vx::kernel
