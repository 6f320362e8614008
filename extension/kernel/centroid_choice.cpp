// SPDX-License-Identifier: PostgreSQL
//
// The choice among the tables of centroid_tables.hpp, made once when the library is loaded, as in
// dispatch.cpp.
#include "kernel/centroid_tables.hpp"

namespace vx::kernel
{

namespace
{

struct Choice {
    const CentroidKernels *centroids;
    const AssignKernels *assign;
    const ListOrderKernels *list_order;
};

Choice chosen = {&kScalarCentroidKernels, &kScalarAssignKernels, &kScalarListOrderKernels};

bool
supports(Isa isa) noexcept
{
    return distance_kernels_for(isa) != nullptr;
}

__attribute__((constructor)) void
choose() noexcept
{
    if (supports(Isa::avx512) && has_vnni())
        chosen = {&kAvx512VnniCentroidKernels, &kAvx512VnniAssignKernels, &kAvx512ListOrderKernels};
    else if (supports(Isa::avx512))
        chosen = {&kAvx512CentroidKernels, &kAvx512AssignKernels, &kAvx512ListOrderKernels};
    else if (supports(Isa::avx2))
        chosen = {&kAvx2CentroidKernels, &kAvx2AssignKernels, &kAvx2ListOrderKernels};
}

} // namespace

bool
has_vnni() noexcept
{
    __builtin_cpu_init();
    return supports(Isa::avx512) && __builtin_cpu_supports("avx512vnni");
}

const CentroidKernels &
centroid_kernels() noexcept
{
    return *chosen.centroids;
}

const CentroidKernels *
centroid_kernels_for(Isa isa, bool vnni) noexcept
{
    if (!supports(isa))
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return &kScalarCentroidKernels;
    case Isa::avx2:
        return &kAvx2CentroidKernels;
    case Isa::avx512:
        return vnni && has_vnni() ? &kAvx512VnniCentroidKernels : &kAvx512CentroidKernels;
    }
    return nullptr;
}

const AssignKernels &
assign_kernels() noexcept
{
    return *chosen.assign;
}

const ListOrderKernels &
list_order_kernels() noexcept
{
    return *chosen.list_order;
}

} // namespace vx::kernel
