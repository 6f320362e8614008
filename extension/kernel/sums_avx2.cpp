// SPDX-License-Identifier: PostgreSQL
#include "kernel/sums_loop.hpp"

namespace vx::kernel
{

const SumKernels kAvx2SumKernels = {Isa::avx2, add_codes, add_row};

} // namespace vx::kernel
