// SPDX-License-Identifier: PostgreSQL
#include "kernel/centroid_choice.hpp"

namespace vx::kernel
{

const CentroidKernels &
centroid_kernels() noexcept
{
    return kScalarCentroidKernels;
}

const CentroidKernels *
centroid_kernels_for(Isa isa) noexcept
{
    return isa == Isa::scalar ? &kScalarCentroidKernels : nullptr;
}

const AssignKernels &
assign_kernels() noexcept
{
    return kScalarAssignKernels;
}

const ListOrderKernels &
list_order_kernels() noexcept
{
    return kScalarListOrderKernels;
}

} // namespace vx::kernel
