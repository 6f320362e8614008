// SPDX-License-Identifier: PostgreSQL
//
// The tables of kernels, one per instruction set; dispatch.cpp picks among them. Constant data:
// reading an address here runs no instruction of the set.
#pragma once

#include "kernel/distance.hpp"

namespace vx::kernel
{

extern const DistanceKernels kScalarDistanceKernels;
extern const DistanceKernels kAvx2DistanceKernels;
extern const DistanceKernels kAvx512DistanceKernels;

} // namespace vx::kernel
