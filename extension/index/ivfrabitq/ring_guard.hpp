// SPDX-License-Identifier: PostgreSQL
//
// Notices that a damaged chain of slices leads back into itself.
#pragma once

#include "index/ivfrabitq/page.hpp"

namespace vx::ivfrabitq
{

/// R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20, 1980, section 2: a mark
/// that is set anew after 1, 2, 4, … steps is met again if there is a ring, at the latest after
/// three times as many steps as the chain has slices.
class RingGuard
{
  public:
    /// The next slice of the chain. False: it was met before.
    bool pass(const page::SlicePointer &slice) noexcept
    {
        if (steps_ > 0 && slice.block == mark_.block && slice.slice == mark_.slice)
            return false;
        if ((steps_ & (steps_ - 1)) == 0) // a power of two, or the first
            mark_ = slice;
        steps_++;
        return true;
    }

    void restart() noexcept { steps_ = 0; }

  private:
    page::SlicePointer mark_;
    uint64 steps_; // zeroed memory: none
};

} // namespace vx::ivfrabitq
