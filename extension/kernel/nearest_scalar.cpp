// SPDX-License-Identifier: PostgreSQL
//
// The nearest-centroid loop in portable C++. The compiler's own vectors of four floats become SSE2
// registers on x86-64 and whatever else another processor has.
#include "kernel/nearest_loop.hpp"

#include <cstring>

namespace vx::kernel
{

namespace
{

struct Portable {
    typedef float Float __attribute__((vector_size(16)));
    typedef std::int32_t Index __attribute__((vector_size(16)));
    static constexpr std::size_t kLanes = 4;

    static Float zero() noexcept { return Float{}; }

    static Float load(const float *p) noexcept
    {
        Float x;
        std::memcpy(&x, p, sizeof(x));
        return x;
    }

    static Float broadcast(float x) noexcept { return Float{x, x, x, x}; }

    static Index indexes(std::int32_t i) noexcept { return Index{i, i, i, i}; }

    static Float fmadd(Float a, Float b, Float c) noexcept { return a * b + c; }

    static Float sub(Float a, Float b) noexcept { return a - b; }

    static void keep_less(Float score, Index i, Float &best, Index &index) noexcept
    {
        const Index less = score < best;
        best = less ? score : best;
        index = less ? i : index;
    }

    static void store(float *p, Float x) noexcept { std::memcpy(p, &x, sizeof(x)); }

    static void store(std::int32_t *p, Index x) noexcept { std::memcpy(p, &x, sizeof(x)); }
};

using Loop = NearestLoop<Portable, 4, 2>; // 8 of 16 registers hold sums

} // namespace

const NearestKernels kScalarNearestKernels = {Isa::scalar, 8, 4, Loop::nearest};
static_assert(Loop::kWidth == 8);

} // namespace vx::kernel
