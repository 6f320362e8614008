// SPDX-License-Identifier: PostgreSQL
//
// Which of many rows come near which of many vectors: what the search for true neighbours spends
// its time on. The product is that of assign_rows(); instead of the least score of a row, all
// scores below a limit are of interest, and there are hardly any.
#pragma once

#include "kernel/assign.hpp"

namespace vx::kernel
{

/// Rows in a call at most.
constexpr std::size_t kNearRows = 192;

/// masks[r]: bit j is set if |c_j|^2 - 2 <row r, c_j> < limits[r], as the codes give it, for the 64
/// places of a block (centroid_codes.hpp; what its tile of norms holds is the caller's choice). Of
/// a row with many such places all bits are set. rows <= kNearRows.
void near_masks(const std::int8_t *codes, const RowFactors *factors, std::size_t rows,
                std::size_t padded, const std::uint8_t *block, const float *limits,
                std::uint64_t *masks) noexcept;

} // namespace vx::kernel
