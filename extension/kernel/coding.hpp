// SPDX-License-Identifier: PostgreSQL
//
// What encoding a row and preparing a query consist of: the loops over coordinates, one table per
// instruction set, and the functions of rabitq.hpp with a table of the caller's choice (for tests
// and benchmarks; everyone else calls those of rabitq.hpp).
//
// Every path gives the same bits. Sums of floats are therefore kept in 32 lanes, added without fma,
// and folded in halves: lane i with lane i + 16, then i + 8, ... Which lane a coordinate belongs to
// is part of each kernel's contract below.
#pragma once

#include "kernel/rabitq.hpp"

namespace vx::kernel
{

/// Sums over a row's residual r = row - centre; *covered*: by the scan code.
struct ScanSums {
    float covered_square; // |r|^2 of the covered coordinates
    float square;         // of all
    float magnitude;      // sum of |r_i|, covered
    float signed_centre;  // sum of c_i if r_i > 0, else -c_i, covered
    float centre;         // <r, c>, all
};

struct FineSums {
    float residual; // <r, x>
    float centre;   // <c, x>
    float square;   // |x|^2
};

struct QueryRange {
    float sum;      // of |q_i|
    float greatest; // |q_i|
    float quad;     // the greatest sum of |q_i| over a quad of coordinates
};

struct CodingKernels {
    Isa isa;

    /// As vx::kernel::rotate().
    void (*rotate)(const float *in, std::size_t dimensions, const std::uint64_t *signs,
                   std::size_t padded, float scale, float *out) noexcept;

    /// The scan code, and the sums; lane of coordinate i: i % 32.
    void (*scan_code)(const CodeShape &shape, const float *row, const float *centre,
                      std::uint8_t *bits, ScanSums *sums) noexcept;

    /// The fine code: level min(floor(|r_i| * factor), 15 or 7) away from zero. Lane of coordinate
    /// i: i % 16, and 16 more in the upper half of the coordinates.
    void (*fine_code)(const CodeShape &shape, const float *row, const float *centre, float factor,
                      std::uint8_t *fine, FineSums *sums) noexcept;

    /// Over `count` coordinates, a multiple of 64; lane of coordinate i: i % 32.
    void (*query_range)(const float *query, std::size_t count, QueryRange *range) noexcept;

    /// lut[16 m + j] = round(inverse * (sum of |q_i| of quad m over the i where bit i % 4 of j
    /// tells the sign of q_i)).
    void (*fill_lut)(const float *query, std::size_t count, float inverse,
                     std::uint8_t *lut) noexcept;

    /// q8[i] = round(q_i * inverse); returns their sum.
    std::int32_t (*quantize)(const float *query, std::size_t count, float inverse,
                             std::int8_t *q8) noexcept;
};

const CodingKernels &coding_kernels() noexcept;
const CodingKernels *coding_kernels_for(Isa isa) noexcept;

void encode_with(const CodingKernels &kernels, const CodeShape &shape, CodeMetric metric,
                 const float *row, const float *centre, std::uint8_t *bits, std::uint8_t *fine,
                 CodeFactors *factors) noexcept;
void make_scan_query_with(const CodingKernels &kernels, const CodeShape &shape, const float *query,
                          std::uint8_t *lut, ScanQuery *out) noexcept;
void make_fine_query_with(const CodingKernels &kernels, const CodeShape &shape, const float *query,
                          std::int8_t *q8, FineQuery *out) noexcept;

} // namespace vx::kernel
