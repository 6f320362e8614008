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
extern const RabitqKernels kAvx2RabitqKernels;
extern const RabitqKernels kAvx512RabitqKernels;
extern const RabitqKernels kVbmiRabitqKernels; // AVX-512 with VBMI and VNNI

extern const CodingKernels kScalarCodingKernels;
extern const CodingKernels kAvx2CodingKernels;
extern const CodingKernels kAvx512CodingKernels;

} // namespace vx::kernel
