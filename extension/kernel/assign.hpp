// SPDX-License-Identifier: PostgreSQL
//
// The nearest centroids of many rows, over int8 codes: what building an index spends its time on.
//
// Rows are quantised to int8 on the way (one scale per row), centroids are in the blocks of
// centroid_codes.hpp, so one instruction multiplies 64 pairs of numbers. The order of near-equal
// centroids can differ from the exact one; that costs nothing but a slightly longer residual, as a
// row is encoded against the list that it went to.
//
// Values are expected to be of ordinary size, as those of an index are after scaling: squares that
// overflow give some list and +infinity, rows of less than 1e-30 count as zero vectors.
//
// The same lists and distances on every instruction set: integer sums, then one fixed sequence of
// IEEE operations.
#pragma once

#include "kernel/centroid_codes.hpp"

namespace vx::kernel
{

constexpr std::size_t kMaxNearest = 8;

/// Bytes of workspace that assign_rows() and assign_codes() need, aligned to 64.
std::size_t assign_workspace(std::size_t padded) noexcept;

/// For each of `count` rows (padded floats each, one after the other) its `nearest` centroids,
/// nearest first, the lower number of equals first: lists[row * nearest + i], with
/// distances[...] = |row - c|^2 as the codes give it (distances may be nullptr). `blocks`: the
/// tiles of all blocks, contiguous, aligned to 64; list_count of their places are used. Where there
/// are fewer centroids than `nearest`, the rest is list -1, +infinity. nearest <= kMaxNearest.
/// Takes count * list_count * padded * 2 operations: callers bound count to check for interrupts.
void assign_rows(const float *rows, std::size_t count, std::size_t padded,
                 const std::uint8_t *blocks, std::size_t list_count, std::size_t nearest,
                 void *workspace, std::int32_t *lists, float *distances) noexcept;

/// A row quantised to int8: row_i ~ scale * code_i, code_i in [-127, 127].
struct RowFactors {
    float scale;
    std::int32_t sum; // of the codes
    float norm2;      // of the dequantised values
};

/// codes: padded bytes per row.
void quantize_rows(const float *rows, std::size_t count, std::size_t padded, std::int8_t *codes,
                   RowFactors *factors) noexcept;

/// assign_rows() for rows that are quantised already.
void assign_codes(const std::int8_t *codes, const RowFactors *factors, std::size_t count,
                  std::size_t padded, const std::uint8_t *blocks, std::size_t list_count,
                  std::size_t nearest, void *workspace, std::int32_t *lists,
                  float *distances) noexcept;

/// assign_rows() on a particular instruction set, as centroid_kernels_for(). For tests.
using AssignRows = decltype(&assign_rows);
AssignRows assign_rows_for(Isa isa, bool vnni = true) noexcept;

} // namespace vx::kernel
