// SPDX-License-Identifier: PostgreSQL
//
// keep_nearest() keeps, of a row, the scores below the worst that it has: with all slots set to the
// limit, it keeps what lies below the limit, as long as there are slots.
#include "kernel/near_masks.hpp"

#include "kernel/centroid_tables.hpp"

namespace vx::kernel
{

void
near_masks(const std::int8_t *codes, const RowFactors *factors, std::size_t rows,
           std::size_t padded, const std::uint8_t *block, const float *limits,
           std::uint64_t *masks) noexcept
{
    BestSlots best[kNearRows];
    for (std::size_t r = 0; r < rows; r++)
        for (std::size_t slot = 0; slot < BestSlots::kSlots; slot++) {
            best[r].score[slot] = limits[r];
            best[r].list[slot] = -1;
        }
    assign_kernels().keep_nearest({codes, factors, rows, padded, BestSlots::kSlots, best}, block,
                                  0);
    for (std::size_t r = 0; r < rows; r++) {
        masks[r] = best[r].list[BestSlots::kSlots - 1] >= 0 ? ~std::uint64_t{0} : 0;
        for (std::size_t slot = 0; slot < BestSlots::kSlots && best[r].list[slot] >= 0; slot++)
            masks[r] |= std::uint64_t{1} << best[r].list[slot];
    }
}

} // namespace vx::kernel
