// SPDX-License-Identifier: PostgreSQL
//
// The factors of a row, the scales of a query, places in a group: what is done once per row or
// query around the loops of coding.hpp.
#include "kernel/rabitq.hpp"

#include "kernel/coding.hpp"

#include <algorithm>
#include <cmath>

namespace vx::kernel
{

namespace
{

constexpr std::uint16_t kAlwaysAdd = 0xfc00; // half precision -infinity
constexpr float kLeastRescale = 0x1p-14f;    // the least normal half
constexpr float kLeastQuery = 0x1p-100f;     // smaller ones would overflow the inverse
constexpr float kFiveBitLevels = 5.4f;       // levels per standard deviation that fit a normal
constexpr float kFourBitLevels = 3.04f;      // distribution best, for 5 and for 4 bits
constexpr float kFiveBitMost = 15.99f;       // levels that are not cut off
constexpr float kFourBitMost = 7.99f;

/// distance ~ add + g + rescale * <x, q>; see rabitq.hpp.
struct Factors {
    float add;
    float rescale;
};

/// ratio = |r|^2 / <r, x>.
Factors
scan_factors(const CodeShape &shape, CodeMetric metric, const ScanSums &sums, float ratio) noexcept
{
    const float spread =
        static_cast<float>(shape.padded) / static_cast<float>(shape.scan_dimensions);
    const float scaled = ratio * spread;
    const float rescale =
        float_from_half(half_from_float(metric == CodeMetric::l2 ? -2.0f * scaled : -scaled));
    const float exact = metric == CodeMetric::l2 ? sums.square : -sums.centre;
    return {exact - rescale * (0.5f * sums.signed_centre), rescale};
}

Factors
fine_factors(CodeMetric metric, const ScanSums &scan, const FineSums &sums) noexcept
{
    const float ratio = scan.square / sums.residual;
    const float rescale = metric == CodeMetric::l2 ? -2.0f * ratio : -ratio;
    const float exact = metric == CodeMetric::l2 ? scan.square : -scan.centre;
    return {exact - rescale * sums.centre, rescale};
}

/// The greatest half that is not above the value: the estimate errs to the side of refining.
std::uint16_t
half_below(float value) noexcept
{
    const std::uint16_t nearest = half_from_float(value);
    if (!(float_from_half(nearest) > value))
        return nearest;
    if (nearest == 0) // below +0 comes the least negative number
        return 0x8001;
    return static_cast<std::uint16_t>((nearest & 0x8000) != 0 ? nearest + 1 : nearest - 1);
}

void
set_scan_factors(const Factors &scan, CodeFactors *factors) noexcept
{
    factors->scan_add = half_below(scan.add);
    factors->scan_rescale = half_from_float(scan.rescale);
    const bool fits = std::isfinite(float_from_half(factors->scan_add)) &&
                      std::isfinite(scan.rescale) && std::fabs(scan.rescale) >= kLeastRescale;
    if (!fits) {
        factors->scan_add = kAlwaysAdd;
        factors->scan_rescale = 0;
    }
}

void
set_fine_factors(const Factors &fine, CodeFactors *factors) noexcept
{
    const bool fits = std::isfinite(fine.add) && std::isfinite(fine.rescale);
    factors->fine_add = fits ? fine.add : -HUGE_VALF;
    factors->fine_rescale = fits ? fine.rescale : 0.0f;
}

/// What the code's x is off by, across the residual: the rest of |x|^2, which is along it.
float
error_square(const ScanSums &scan, const FineSums &sums) noexcept
{
    return sums.square - sums.residual * (sums.residual / scan.square);
}

float
greatest_residual(const CodeShape &shape, const float *row, const float *centre) noexcept
{
    float greatest = 0.0f;
    for (std::size_t i = 0; i < shape.padded; i++)
        greatest = std::max(greatest, std::fabs(row[i] - centre[i]));
    return greatest;
}

/// The levels that fit most rows cut off a row's far coordinates, and then its estimates are off by
/// more than those of others: few levels for all its coordinates serve it better.
void
fine_code(const CodingKernels &kernels, const CodeShape &shape, const float *row,
          const float *centre, const ScanSums &scan, std::uint8_t *fine, FineSums *sums) noexcept
{
    const bool five_bits = shape.fine_uses_scan_code();
    const auto padded = static_cast<float>(shape.padded);
    const float levels = five_bits ? kFiveBitLevels : kFourBitLevels;
    const float factor =
        scan.square > 0.0f ? levels * std::sqrt(padded) / std::sqrt(scan.square) : 0.0f;
    kernels.fine_code(shape, row, centre, factor, fine, sums);
    if (!(error_square(scan, *sums) > kMostFineError * kMostFineError * padded))
        return;
    const float most = five_bits ? kFiveBitMost : kFourBitMost;
    const float greatest = greatest_residual(shape, row, centre);
    if (greatest * factor > most)
        kernels.fine_code(shape, row, centre, most / greatest, fine, sums);
}

} // namespace

void
encode_with(const CodingKernels &kernels, const CodeShape &shape, CodeMetric metric,
            const float *row, const float *centre, std::uint8_t *bits, std::uint8_t *fine,
            CodeFactors *factors) noexcept
{
    ScanSums scan;
    kernels.scan_code(shape, row, centre, bits, &scan);
    FineSums sums;
    fine_code(kernels, shape, row, centre, scan, fine, &sums);

    if (scan.square == 0.0f) {
        *factors = {0, 0, 0.0f, 0.0f};
        return;
    }
    const float ratio = scan.covered_square / (0.5f * scan.magnitude);
    set_scan_factors(scan_factors(shape, metric, scan, ratio), factors);
    set_fine_factors(fine_factors(metric, scan, sums), factors);
}

void
encode(const CodeShape &shape, CodeMetric metric, const float *row, const float *centre,
       std::uint8_t *bits, std::uint8_t *fine, CodeFactors *factors) noexcept
{
    encode_with(coding_kernels(), shape, metric, row, centre, bits, fine, factors);
}

void
put_scan_code(const CodeShape &shape, std::uint8_t *group, std::size_t slot,
              const std::uint8_t *bits) noexcept
{
    std::uint8_t *byte = group + scan_code_byte(slot, 0);
    const unsigned shift = slot < 16 ? 0 : 4;
    const unsigned keep = 0xffu & ~unsigned{scan_code_mask(slot)};
    for (std::size_t i = 0; i < scan_code_bytes(shape); i++, byte += 32) {
        byte[0] = static_cast<std::uint8_t>((byte[0] & keep) | (bits[i] & 0x0fu) << shift);
        byte[16] = static_cast<std::uint8_t>((byte[16] & keep) | (bits[i] >> 4u) << shift);
    }
}

void
get_scan_code(const CodeShape &shape, const std::uint8_t *group, std::size_t slot,
              std::uint8_t *bits) noexcept
{
    const std::uint8_t *byte = group + scan_code_byte(slot, 0);
    const unsigned shift = slot < 16 ? 0 : 4;
    for (std::size_t i = 0; i < scan_code_bytes(shape); i++, byte += 32)
        bits[i] = static_cast<std::uint8_t>((byte[0] >> shift & 0x0fu) | (byte[16] >> shift & 0x0fu)
                                                                             << 4);
}

void
make_scan_query_with(const CodingKernels &kernels, const CodeShape &shape, const float *query,
                     std::uint8_t *lut, ScanQuery *out) noexcept
{
    // A quad's entries, its minimum taken out, add up |q_i| where bit and sign agree; and what was
    // taken out less sum(q) / 2 is -sum(|q_i|) / 2.
    QueryRange range;
    kernels.query_range(query, shape.scan_dimensions, &range);
    const bool usable = range.quad >= kLeastQuery && std::isfinite(range.quad);
    kernels.fill_lut(query, shape.scan_dimensions, usable ? 255.0f / range.quad : 0.0f, lut);
    *out = {lut, usable ? range.quad / 255.0f : 0.0f, -0.5f * range.sum, shape.scan_dimensions};
}

void
make_scan_query(const CodeShape &shape, const float *query, std::uint8_t *lut,
                ScanQuery *out) noexcept
{
    make_scan_query_with(coding_kernels(), shape, query, lut, out);
}

void
make_fine_query_with(const CodingKernels &kernels, const CodeShape &shape, const float *query,
                     std::int8_t *q8, FineQuery *out) noexcept
{
    QueryRange range;
    kernels.query_range(query, shape.padded, &range);
    const bool usable = range.greatest >= kLeastQuery && std::isfinite(range.greatest);
    const std::int32_t sum =
        kernels.quantize(query, shape.padded, usable ? 127.0f / range.greatest : 0.0f, q8);
    const float scale = usable ? range.greatest / 127.0f : 0.0f;
    *out = {q8, scale, -7.5f * scale * static_cast<float>(sum),
            shape.fine_uses_scan_code() ? 16.0f : 0.0f, shape.padded};
}

void
make_fine_query(const CodeShape &shape, const float *query, std::int8_t *q8,
                FineQuery *out) noexcept
{
    make_fine_query_with(coding_kernels(), shape, query, q8, out);
}

} // namespace vx::kernel
