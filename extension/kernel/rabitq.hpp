// SPDX-License-Identifier: PostgreSQL
//
// RaBitQ codes: encoding a row, estimating its distance from the codes.
//
// A row o of a list with centre c (both rotated, shifted by the mean and scaled; `padded`
// coordinates) has two codes of its residual r = o - c:
//
//   scan code  one bit per coordinate: b_i = r_i > 0, over the first `scan_dimensions` of them
//   fine code  4 more bits per coordinate, over all
//
// Gao, Long, "RaBitQ", SIGMOD 2024 (one bit); Gao et al., "Practical and asymptotically optimal
// quantization ... extended RaBitQ", SIGMOD 2025, doi 10.1145/3725413 (more). With x the vector
// that a code stands for, <r, v> is estimated by |r|^2 / <r, x> * <x, v>, v = q - c, and so
//
//   distance(o, q) ~ f_add + g + f_rescale * <x, q>
//
//   L2 (squared):          g = |q - c|^2     f_rescale = -2 s |r|^2 / <r, x>   f_add = |r|^2 -
//   f_rescale <x, c> inner product, negated: g = -<c, q>      f_rescale =   -s |r|^2 / <r, x> f_add
//   = -<r, c> - f_rescale <x, c>
//
// with nothing in it that depends on both the query and the list but g: a query needs one look-up
// table, not one per list. (Where the scan code does not cover all coordinates, r, x and c in
// |r|^2 / <r, x> and <x, c> are their covered parts and s = padded / scan_dimensions: the rotation
// has spread the inner product evenly. The first term of f_add is of all. Else s = 1.)
//
// The error of an estimate is proportional to |f_rescale| * |q - c|; one standard deviation is
// `kappa` times that, kappa being measured over the rows of an index (about
// sqrt((scan_dimensions / 4) * 0.36 / scan_dimensions) = 0.30 for scan codes). What rounding the
// look-up table adds depends on |q| instead: scan_rounding().
//
// Scan codes are kept in groups of 32 rows, in the FastScan layout (Andre, Kermarrec, Le Scouarnec,
// "Quicker ADC", PAMI 2021; faiss has it too): coordinates in quads of 4; for quad m, byte
// 16 m + j holds row P[j]'s four bits in its low and row (P[j] + 16)'s in its high half, P = 0, 8,
// 1, 9, ... 7, 15, bit b of a half being coordinate 4 m + b. One shuffle looks up 16 rows.
//
// All kernels give the same bits on every instruction set: integer sums, then one fixed sequence of
// IEEE operations per row (fma where written `fma`).
#pragma once

#include "kernel/distance.hpp"

#include <cstddef>
#include <cstdint>

namespace vx::kernel
{

constexpr std::size_t kGroupRows = 32;

/// The widest scan code: a group of 32 must fit in a page.
constexpr std::size_t kMaxScanDimensions = 1920;

struct CodeShape {
    std::uint32_t padded;          // padded_dimensions()
    std::uint32_t scan_dimensions; // min(padded, kMaxScanDimensions); a multiple of 64

    /// The fine code's x is 16 b + nibble - 15.5 if the scan code covers every coordinate, and
    /// nibble - 7.5 if it does not.
    bool fine_uses_scan_code() const noexcept { return scan_dimensions == padded; }
};

constexpr CodeShape
code_shape(std::size_t padded) noexcept
{
    return {static_cast<std::uint32_t>(padded),
            static_cast<std::uint32_t>(padded < kMaxScanDimensions ? padded : kMaxScanDimensions)};
}

constexpr std::size_t
scan_code_bytes(const CodeShape &shape) noexcept // of one row, not yet in a group
{
    return shape.scan_dimensions / 8;
}

constexpr std::size_t
group_code_bytes(const CodeShape &shape) noexcept
{
    return kGroupRows * shape.scan_dimensions / 8;
}

constexpr std::size_t
fine_code_bytes(const CodeShape &shape) noexcept // byte i: coordinate i low, i + padded / 2 high
{
    return shape.padded / 2;
}

enum class CodeMetric : std::uint8_t { l2, inner_product };

/// The scan factors are IEEE half precision. Where a row's do not fit (values are scaled so that
/// ordinary rows lie far inside), add = -infinity and rescale = 0: such a row is always refined. So
/// is one whose rescale is no normal half; an add that is too great becomes the greatest half. Fine
/// factors that overflow become -infinity and 0 too.
struct CodeFactors {
    std::uint16_t scan_add;
    std::uint16_t scan_rescale;
    float fine_add;
    float fine_rescale;
};

/// half precision +infinity: the scan_add of a slot without a row. It never passes a threshold.
constexpr std::uint16_t kNoRowAdd = 0x7c00;

/// A fine code is off by hardly more than that, root mean square over its coordinates, in levels:
/// the levels of a row that would be are made wider, until none of its coordinates is cut off.
constexpr float kMostFineError = 0.36f;

/// Encodes one row. bits: scan_code_bytes, bit i % 8 of byte i / 8 is coordinate i. A row equal to
/// its centre gets factors that make the estimate exact. scan_add is computed from the rounded
/// scan_rescale, so that <x, c> and <x, q> cancel as exactly as they can, and rounded down: a row
/// may be refined for nothing but is not lost where all distances are small beside |add|.
void encode(const CodeShape &shape, CodeMetric metric, const float *row, const float *centre,
            std::uint8_t *bits, std::uint8_t *fine, CodeFactors *factors) noexcept;

/// Puts a row's bits into slot 0..31 of a group, or reads them back. REQUIRES: group_code_bytes.
void put_scan_code(const CodeShape &shape, std::uint8_t *group, std::size_t slot,
                   const std::uint8_t *bits) noexcept;
void get_scan_code(const CodeShape &shape, const std::uint8_t *group, std::size_t slot,
                   std::uint8_t *bits) noexcept;

/// Where quad m of that slot lies in a group: the byte, and the mask of its half (0x0f or 0xf0).
constexpr std::size_t
scan_code_byte(std::size_t slot, std::size_t quad) noexcept
{
    const std::size_t row = slot % 16;
    return 16 * quad + (row < 8 ? 2 * row : 2 * (row - 8) + 1);
}

constexpr std::uint8_t
scan_code_mask(std::size_t slot) noexcept
{
    return slot < 16 ? 0x0f : 0xf0;
}

// ---- the query

/// A query prepared for scan codes: sum of b_i q_i - q_i / 2 = scale * (sum of lut entries) + base.
struct ScanQuery {
    const std::uint8_t *lut; // 4 * scan_dimensions bytes, aligned to 64: 16 per quad
    float scale;
    float base;
    std::uint32_t scan_dimensions;
};

/// One standard deviation of <b - 1/2, q> from the rounding of the look-up table. It matters to
/// margins where q is near c but far from 0: margin = epsilon * hypot(kappa |q - c|, this).
inline float
scan_rounding(const ScanQuery &query) noexcept
{
    return query.scale * __builtin_sqrtf(static_cast<float>(query.scan_dimensions) / 48.0f);
}

/// A query prepared for fine codes: q_i ~ scale * q8_i.
struct FineQuery {
    const std::int8_t *q8; // padded, aligned to 64, within [-127, 127]
    float scale;
    float bias;        // -7.5 * scale * (sum of q8)
    float scan_weight; // 16 or 0: what <b - 1/2, q> counts in <x, q>
    std::uint32_t padded;
};

/// lut: 4 * scan_dimensions bytes. The quads' minima are taken out and added to base.
void make_scan_query(const CodeShape &shape, const float *query, std::uint8_t *lut,
                     ScanQuery *out) noexcept;
void make_fine_query(const CodeShape &shape, const float *query, std::int8_t *q8,
                     FineQuery *out) noexcept;

/// What scan_groups() reads: `count` groups, group i at codes + i * stride, its factors (32 halves
/// each) at add_offset and rescale_offset from there. While it computes it fetches `next_groups`
/// groups of `next`, the run that is scanned next, into the second-level cache: memory that no
/// hardware prefetcher foresees then costs half as much (README, Fetching ahead).
struct GroupRun {
    const std::uint8_t *codes; // aligned to 64
    std::uint32_t stride;
    std::uint32_t add_offset;
    std::uint32_t rescale_offset;
    std::uint32_t count;
    std::uint32_t next_groups = 0;
    const std::uint8_t *next = nullptr; // of the same shape; never read, so it may be stale

    /// What the caller reads next of a row that is kept: `row_bytes` for each slot from here on.
    /// Fetched as soon as the row is known, while others are scanned; nullptr: nothing is.
    const std::uint8_t *rows = nullptr;
    std::uint32_t row_bytes = 0;
};

/// A row that may be nearer than the threshold.
struct Survivor {
    std::uint32_t slot; // in the run: group * 32 + row
    float lower;        // the lower bound of its distance
    float ip;           // <b - 1/2, q>, for the refinement
};

struct RabitqKernels {
    Isa isa;

    /// For every row: ip = fma(scale, sum, base); estimate = fma(rescale, ip, add + g);
    /// lower = fma(-margin, |rescale|, estimate); kept if lower < threshold. Returns how many;
    /// `out` has room for 32 * count. masks (count of them) or nullptr: rows whose bit is 0 are
    /// left out, groups of 0 not read at all.
    std::uint32_t (*scan_groups)(const ScanQuery &query, const GroupRun &run,
                                 const std::uint32_t *masks, float g, float margin, float threshold,
                                 Survivor *out) noexcept;

    /// dots[i] = sum of nibble_j * q8_j of the fine code at records[i].
    void (*fine_dots)(const FineQuery &query, const std::uint8_t *const *records, std::size_t count,
                      std::int32_t *dots) noexcept;
};

/// distance ~ fma(rescale, ip of all bits, add + g); the order of operations is part of the
/// contract.
inline float
fine_estimate(const FineQuery &query, std::int32_t dot, float scan_ip, float fine_add,
              float fine_rescale, float g) noexcept
{
    const float low = query.scale * static_cast<float>(dot) + query.bias;
    return fine_rescale * (query.scan_weight * scan_ip + low) + (fine_add + g);
}

const RabitqKernels &rabitq_kernels() noexcept;
const RabitqKernels *rabitq_kernels_for(Isa isa) noexcept;

/// IEEE half precision and back; round to nearest even; overflow to infinity.
std::uint16_t half_from_float(float value) noexcept;
float float_from_half(std::uint16_t value) noexcept;

} // namespace vx::kernel
