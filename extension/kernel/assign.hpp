// SPDX-License-Identifier: PostgreSQL
//
// The nearest centroids of many rows, over int8 codes: what building an index spends its time on.
//
// Rows are quantised to int8 on the way (one scale per row), centroids are in the blocks of
// centroid_codes.hpp, so one instruction multiplies 64 pairs of numbers. The order of near-equal
// centroids can differ from the exact one; that costs nothing but a slightly longer residual, as a
// row is encoded against the list that it went to.
#pragma once

#include "kernel/centroid_codes.hpp"

namespace vx::kernel
{

constexpr std::size_t kMaxNearest = 8;

/// Bytes of workspace that assign_rows() needs, aligned to 64.
std::size_t assign_workspace(std::size_t padded) noexcept;

/// For each of `count` rows (padded floats each, one after the other) its `nearest` centroids,
/// nearest first, the lower number of equals first: lists[row * nearest + i], with
/// distances[...] = |row - c|^2 as the codes give it (distances may be nullptr). `blocks`: the tiles
/// of all blocks, contiguous, aligned to 64; list_count of their places are used. Where there are
/// fewer centroids than `nearest`, the rest is list -1, +infinity. nearest <= kMaxNearest.
/// Takes count * list_count * padded * 2 operations: callers bound count to check for interrupts.
void assign_rows(const float *rows, std::size_t count, std::size_t padded,
                 const std::uint8_t *blocks, std::size_t list_count, std::size_t nearest,
                 void *workspace, std::int32_t *lists, float *distances) noexcept;

/// The same on a particular instruction set; nullptr where the processor lacks it. For tests.
using AssignRows = decltype(&assign_rows);
AssignRows assign_rows_for(Isa isa) noexcept;

} // namespace vx::kernel
