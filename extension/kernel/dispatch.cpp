// SPDX-License-Identifier: PostgreSQL
//
// Chooses the kernels once, when the library is loaded: by CPUID, and by XCR0, because registers
// that the operating system does not save must not be used (__builtin_cpu_supports looks at both).
//
// The choice is a plain pointer that starts at the scalar table, so that another constructor that
// runs before ours gets right answers, only slower ones.
#include "kernel/distance_tables.hpp"
#include "kernel/filter.hpp"
#include "kernel/nearest.hpp"
#include "kernel/rabitq_tables.hpp"
#include "kernel/sums.hpp"

namespace vx::kernel
{

namespace
{

bool
supports(Isa isa) noexcept
{
    __builtin_cpu_init();
    switch (isa) {
    case Isa::scalar:
        return true;
    case Isa::avx2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("f16c");
    case Isa::avx512:
        return supports(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    }
    return false;
}

bool
supports_vbmi() noexcept
{
    return supports(Isa::avx512) && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vnni");
}

const DistanceKernels *chosen = &kScalarDistanceKernels;
const NearestKernels *chosen_nearest = &kScalarNearestKernels;
const FilterKernels *chosen_filter = &kScalarFilterKernels;
const RabitqKernels *chosen_rabitq = &kScalarRabitqKernels;
const CodingKernels *chosen_coding = &kScalarCodingKernels;
const SumKernels *chosen_sums = &kScalarSumKernels;

__attribute__((constructor)) void
choose() noexcept
{
    if (supports(Isa::avx512)) {
        chosen = &kAvx512DistanceKernels;
        chosen_nearest = &kAvx512NearestKernels;
        chosen_filter = &kAvx512FilterKernels;
        chosen_rabitq = supports_vbmi() ? &kVbmiRabitqKernels : &kAvx512RabitqKernels;
        chosen_coding = &kAvx512CodingKernels;
        chosen_sums = &kAvx512SumKernels;
    } else if (supports(Isa::avx2)) {
        chosen = &kAvx2DistanceKernels;
        chosen_nearest = &kAvx2NearestKernels;
        chosen_filter = &kAvx2FilterKernels;
        chosen_rabitq = &kAvx2RabitqKernels;
        chosen_coding = &kAvx2CodingKernels;
        chosen_sums = &kAvx2SumKernels;
    }
}

} // namespace

const DistanceKernels &
distance_kernels() noexcept
{
    return *chosen;
}

const DistanceKernels *
distance_kernels_for(Isa isa) noexcept
{
    if (!supports(isa))
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return &kScalarDistanceKernels;
    case Isa::avx2:
        return &kAvx2DistanceKernels;
    case Isa::avx512:
        return &kAvx512DistanceKernels;
    }
    return nullptr;
}

const NearestKernels &
nearest_kernels() noexcept
{
    return *chosen_nearest;
}

const NearestKernels *
nearest_kernels_for(Isa isa) noexcept
{
    if (!supports(isa))
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return &kScalarNearestKernels;
    case Isa::avx2:
        return &kAvx2NearestKernels;
    case Isa::avx512:
        return &kAvx512NearestKernels;
    }
    return nullptr;
}

const FilterKernels &
filter_kernels() noexcept
{
    return *chosen_filter;
}

const FilterKernels *
filter_kernels_for(Isa isa) noexcept
{
    if (!supports(isa))
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return &kScalarFilterKernels;
    case Isa::avx2:
        return &kAvx2FilterKernels;
    case Isa::avx512:
        return &kAvx512FilterKernels;
    }
    return nullptr;
}

const RabitqKernels &
rabitq_kernels() noexcept
{
    return *chosen_rabitq;
}

const RabitqKernels *
rabitq_kernels_for(Isa isa) noexcept
{
    if (!supports(isa))
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return &kScalarRabitqKernels;
    case Isa::avx2:
        return &kAvx2RabitqKernels;
    case Isa::avx512:
        return supports_vbmi() ? &kVbmiRabitqKernels : &kAvx512RabitqKernels;
    }
    return nullptr;
}

const CodingKernels &
coding_kernels() noexcept
{
    return *chosen_coding;
}

const CodingKernels *
coding_kernels_for(Isa isa) noexcept
{
    if (!supports(isa))
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return &kScalarCodingKernels;
    case Isa::avx2:
        return &kAvx2CodingKernels;
    case Isa::avx512:
        return &kAvx512CodingKernels;
    }
    return nullptr;
}

const SumKernels &
sum_kernels() noexcept
{
    return *chosen_sums;
}

const SumKernels *
sum_kernels_for(Isa isa) noexcept
{
    if (!supports(isa))
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return &kScalarSumKernels;
    case Isa::avx2:
        return &kAvx2SumKernels;
    case Isa::avx512:
        return &kAvx512SumKernels;
    }
    return nullptr;
}

const char *
isa_name(Isa isa) noexcept
{
    switch (isa) {
    case Isa::scalar:
        return "scalar";
    case Isa::avx2:
        return "avx2";
    case Isa::avx512:
        return "avx512";
    }
    return "unknown";
}

} // namespace vx::kernel
