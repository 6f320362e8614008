// SPDX-License-Identifier: PostgreSQL
//
// The tables of RaBitQ kernels, one per instruction set; dispatch.cpp picks among them. Constant
// data: reading an address here runs no instruction of the set.
#pragma once

#include "kernel/coding.hpp"
#include "kernel/rabitq.hpp"

namespace vx::kernel
{

extern const RabitqKernels kScalarRabitqKernels;

extern const CodingKernels kScalarCodingKernels;

} // namespace vx::kernel
