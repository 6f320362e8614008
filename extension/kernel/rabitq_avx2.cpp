// SPDX-License-Identifier: PostgreSQL
//
// Scanning and refining with AVX2: two quads per shuffle, as FastScan does it.
#include "kernel/rabitq_tables.hpp"

#include <immintrin.h>

namespace vx::kernel
{

namespace
{

/// Sums of 16 bits; those of even bytes also hold 256 times those of odd ones, until the end.
struct ByteSums {
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();

    inline void add(__m256i entries) noexcept
    {
        even = _mm256_add_epi16(even, entries);
        odd = _mm256_add_epi16(odd, _mm256_srli_epi16(entries, 8));
    }
};

// A lane sees every other quad.
static_assert(kMaxScanDimensions / 4 / 2 * 255 <= 0xffff);

inline __m256i
widen(__m128i words) noexcept
{
    return _mm256_cvtepu16_epi32(words);
}

inline __m256i
load(const void *p) noexcept
{
    return _mm256_loadu_si256(static_cast<const __m256i *>(p));
}

/// out[0], out[1]: of 16 rows, from the sums of their halves of the bytes.
inline void
fold(const ByteSums &sums, __m256i *out) noexcept
{
    const __m256i even = _mm256_sub_epi16(sums.even, _mm256_slli_epi16(sums.odd, 8));
    out[0] = _mm256_add_epi32(widen(_mm256_castsi256_si128(even)),
                              widen(_mm256_extracti128_si256(even, 1)));
    out[1] = _mm256_add_epi32(widen(_mm256_castsi256_si128(sums.odd)),
                              widen(_mm256_extracti128_si256(sums.odd, 1)));
}

/// sums[0..4): of the 32 rows of a group.
inline void
group_sums(const std::uint8_t *lut, const std::uint8_t *codes, std::size_t vectors,
           __m256i *sums) noexcept
{
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    ByteSums low;
    ByteSums high;
    for (std::size_t i = 0; i < vectors; i += 4)
#pragma GCC unroll 4
        for (std::size_t j = i; j < i + 4; j++) {
            const __m256i code = load(codes + 32 * j);
            const __m256i table = load(lut + 32 * j);
            low.add(_mm256_shuffle_epi8(table, _mm256_and_si256(code, nibble)));
            high.add(
                _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble)));
        }
    fold(low, sums);
    fold(high, sums + 2);
}

struct Bound {
    __m256 scale;
    __m256 base;
    __m256 g;
    __m256 margin;
    __m256 threshold;
};

/// A group's results, row by row.
struct Rows {
    __m256 lower[4];
    __m256 ip[4];
};

inline __m256
load_halves(const std::uint8_t *p) noexcept
{
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
}

/// Which rows of the group are below the threshold.
inline std::uint32_t
bound_rows(const Bound &bound, const __m256i *sums, const std::uint8_t *add,
           const std::uint8_t *rescale, Rows *rows) noexcept
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    std::uint32_t kept = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m256 f = load_halves(rescale + 16 * i);
        const __m256 ip = _mm256_fmadd_ps(bound.scale, _mm256_cvtepi32_ps(sums[i]), bound.base);
        const __m256 estimate =
            _mm256_fmadd_ps(f, ip, _mm256_add_ps(load_halves(add + 16 * i), bound.g));
        const __m256 lower = _mm256_fnmadd_ps(bound.margin, _mm256_andnot_ps(sign, f), estimate);
        const __m256 below = _mm256_cmp_ps(lower, bound.threshold, _CMP_LT_OQ);
        kept |= static_cast<std::uint32_t>(_mm256_movemask_ps(below)) << (8 * i);
        rows->ip[i] = ip;
        rows->lower[i] = lower;
    }
    return kept;
}

inline void
fetch_row(const GroupRun &run, std::uint32_t slot) noexcept
{
    if (run.rows != nullptr)
        __builtin_prefetch(run.rows + std::size_t{slot} * run.row_bytes);
}

/// Few rows survive, so this need not be fast, only out of the way.
__attribute__((noinline)) Survivor *
keep(const GroupRun &run, Survivor *out, std::uint32_t slot, std::uint32_t kept,
     const Rows &rows) noexcept
{
    alignas(32) float lower[kGroupRows];
    alignas(32) float ip[kGroupRows];
    for (int i = 0; i < 4; i++) {
        _mm256_store_ps(lower + 8 * i, rows.lower[i]);
        _mm256_store_ps(ip + 8 * i, rows.ip[i]);
    }
    for (; kept != 0; kept &= kept - 1) {
        const auto row = static_cast<std::uint32_t>(__builtin_ctz(kept));
        fetch_row(run, slot + row);
        *out++ = {slot + row, lower[row], ip[row]};
    }
    return out;
}

/// Fetches its share of the next run beside group i.
inline void
fetch_ahead(const GroupRun &run, std::uint32_t i, std::uint32_t *fetched) noexcept
{
    const std::uint32_t bytes = run.rescale_offset + 64;
    for (; std::uint64_t{*fetched} * run.count < std::uint64_t{i + 1} * run.next_groups; ++*fetched)
        for (std::uint32_t at = 0; at < bytes; at += 64)
            __builtin_prefetch(run.next + std::size_t{*fetched} * run.stride + at, 0, 2);
}

std::uint32_t
scan_groups(const ScanQuery &query, const GroupRun &run, const std::uint32_t *masks, float g,
            float margin, float threshold, Survivor *out) noexcept
{
    const Bound bound = {_mm256_set1_ps(query.scale), _mm256_set1_ps(query.base), _mm256_set1_ps(g),
                         _mm256_set1_ps(margin), _mm256_set1_ps(threshold)};
    Survivor *end = out;
    std::uint32_t fetched = 0;
    const std::uint8_t *group = run.codes;
    for (std::uint32_t i = 0; i < run.count; i++, group += run.stride) {
        fetch_ahead(run, i, &fetched);
        if (masks != nullptr && masks[i] == 0)
            continue;
        __m256i sums[4];
        group_sums(query.lut, group, query.scan_dimensions / 8, sums);
        Rows rows;
        std::uint32_t kept =
            bound_rows(bound, sums, group + run.add_offset, group + run.rescale_offset, &rows);
        if (masks != nullptr)
            kept &= masks[i];
        if (__builtin_expect(kept != 0, 0))
            end = keep(run, end, i * std::uint32_t{kGroupRows}, kept, rows);
    }
    return static_cast<std::uint32_t>(end - out);
}

// ---- fine codes

/// Adds the products of 32 bytes' nibbles. 4 * 15 * 127 fits in 16 bits.
inline __m256i
add_products(__m256i sums, __m256i bytes, __m256i q_low, __m256i q_high) noexcept
{
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    const __m256i low = _mm256_and_si256(bytes, nibble);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
    const __m256i pairs =
        _mm256_add_epi16(_mm256_maddubs_epi16(low, q_low), _mm256_maddubs_epi16(high, q_high));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

inline __m128i
add_up(const __m256i *s) noexcept
{
    const __m256i all =
        _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

/// Four records: they share the loads of the query and the final sums.
inline __m128i
four_dots(const FineQuery &query, const std::uint8_t *const *records) noexcept
{
    const std::size_t half = query.padded / 2;
    __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                       _mm256_setzero_si256()};
    for (std::size_t i = 0; i < half; i += 32) {
        const __m256i q_low = load(query.q8 + i);
        const __m256i q_high = load(query.q8 + half + i);
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++)
            sums[r] = add_products(sums[r], load(records[r] + i), q_low, q_high);
    }
    return add_up(sums);
}

void
fine_dots(const FineQuery &query, const std::uint8_t *const *records, std::size_t count,
          std::int32_t *dots) noexcept
{
    for (; count >= 4; count -= 4, records += 4, dots += 4)
        _mm_storeu_si128(reinterpret_cast<__m128i *>(dots), four_dots(query, records));
    if (count == 0)
        return;
    const std::uint8_t *const rest[4] = {records[0], records[count > 1 ? 1 : 0],
                                         records[count > 2 ? 2 : 0], records[0]};
    alignas(16) std::int32_t results[4];
    _mm_store_si128(reinterpret_cast<__m128i *>(results), four_dots(query, rest));
    for (std::size_t i = 0; i < count; i++)
        dots[i] = results[i];
}

} // namespace

const RabitqKernels kAvx2RabitqKernels = {Isa::avx2, scan_groups, fine_dots};

} // namespace vx::kernel
