// SPDX-License-Identifier: PostgreSQL
#include "kernel/sums_loop.hpp"

namespace vx::kernel
{

const SumKernels kAvx512SumKernels = {Isa::avx512, add_codes, add_row};

} // namespace vx::kernel
