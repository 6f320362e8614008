// SPDX-License-Identifier: PostgreSQL
#include "kernel/sums_loop.hpp"

namespace vx::kernel
{

const SumKernels kScalarSumKernels = {Isa::scalar, add_codes, add_row};

} // namespace vx::kernel
