// SPDX-License-Identifier: PostgreSQL
//
// The loops of coding.hpp in portable C++: four of the compiler's own vectors of four lanes, which
// become SSE2 registers on x86-64 and whatever else another processor has.
#include "kernel/coding_loop.hpp"
#include "kernel/rabitq_tables.hpp"

namespace vx::kernel
{

namespace
{

typedef float Float4 __attribute__((vector_size(16)));
typedef std::int32_t Int4 __attribute__((vector_size(16)));

constexpr std::int32_t kSign = INT32_MIN;

struct Portable {
    struct Float {
        Float4 part[4];
    };

    struct Int {
        Int4 part[4];
    };

    using Mask = Int; // all bits of a lane or none

    template <class Result, class Operation> static inline Result each(Operation operation) noexcept
    {
        return {{operation(0), operation(1), operation(2), operation(3)}};
    }

    static inline Float4 as_float(Int4 x) noexcept { return (Float4)x; }

    static inline Int4 as_int(Float4 x) noexcept { return (Int4)x; }

    static inline Float set1(float x) noexcept
    {
        return each<Float>([=](int) { return Float4{x, x, x, x}; });
    }

    static inline Float zero() noexcept { return set1(0.0f); }

    static inline Int set_int(std::int32_t x) noexcept
    {
        return each<Int>([=](int) { return Int4{x, x, x, x}; });
    }

    static inline Float load(const float *p) noexcept
    {
        Float x;
        __builtin_memcpy(&x, p, sizeof(x));
        return x;
    }

    static inline void store(float *p, const Float &x) noexcept
    {
        __builtin_memcpy(p, &x, sizeof(x));
    }

    static inline Float add(const Float &a, const Float &b) noexcept
    {
        return each<Float>([&](int i) { return a.part[i] + b.part[i]; });
    }

    static inline Float sub(const Float &a, const Float &b) noexcept
    {
        return each<Float>([&](int i) { return a.part[i] - b.part[i]; });
    }

    static inline Float mul(const Float &a, const Float &b) noexcept
    {
        return each<Float>([&](int i) { return a.part[i] * b.part[i]; });
    }

    static inline Float4 choose(Int4 mask, Float4 a, Float4 b) noexcept
    {
        return as_float((mask & as_int(a)) | (~mask & as_int(b)));
    }

    static inline Float min(const Float &a, const Float &b) noexcept
    {
        return each<Float>(
            [&](int i) { return choose(a.part[i] < b.part[i], a.part[i], b.part[i]); });
    }

    static inline Float max(const Float &a, const Float &b) noexcept
    {
        return each<Float>(
            [&](int i) { return choose(a.part[i] > b.part[i], a.part[i], b.part[i]); });
    }

    static inline Float abs(const Float &x) noexcept
    {
        return each<Float>([&](int i) { return as_float(as_int(x.part[i]) & ~kSign); });
    }

    static inline Float half_like(const Float &x) noexcept
    {
        constexpr std::int32_t half = 0x3f000000;
        return each<Float>([&](int i) { return as_float((as_int(x.part[i]) & kSign) | half); });
    }

    static inline Mask mask(std::uint32_t bits) noexcept
    {
        const std::int32_t b = static_cast<std::int32_t>(bits);
        return each<Mask>([=](int i) {
            const Int4 lane = Int4{1, 2, 4, 8} << (4 * i);
            return (Int4{b, b, b, b} & lane) == lane;
        });
    }

    static inline std::uint32_t bits(const Mask &m) noexcept
    {
        std::int32_t result = 0;
        for (int i = 0; i < 4; i++) {
            const Int4 lanes = m.part[i] & (Int4{1, 2, 4, 8} << (4 * i));
            result |= (lanes[0] | lanes[1]) | (lanes[2] | lanes[3]);
        }
        return static_cast<std::uint32_t>(result);
    }

    static inline Mask not_positive(const Float &x) noexcept
    {
        return each<Mask>([&](int i) { return ~(x.part[i] > Float4{0, 0, 0, 0}); });
    }

    static inline Float flip(const Float &x, const Mask &m) noexcept
    {
        return each<Float>(
            [&](int i) { return as_float(as_int(x.part[i]) ^ (m.part[i] & kSign)); });
    }

    /// Neighbours, then neighbours but one, within four lanes; then across.
    static inline Float4 small_butterflies(Float4 x) noexcept
    {
        const Float4 a = Float4{x[1], x[0], x[3], x[2]} + Float4{x[0], -x[1], x[2], -x[3]};
        return Float4{a[2], a[3], a[0], a[1]} + Float4{a[0], a[1], -a[2], -a[3]};
    }

    static inline Float butterflies(const Float &x) noexcept
    {
        const Float a = each<Float>([&](int i) { return small_butterflies(x.part[i]); });
        const Float b = {{a.part[0] + a.part[1], a.part[0] - a.part[1], a.part[2] + a.part[3],
                          a.part[2] - a.part[3]}};
        return {{b.part[0] + b.part[2], b.part[1] + b.part[3], b.part[0] - b.part[2],
                 b.part[1] - b.part[3]}};
    }

    static inline Float quad_sums(const Float &x) noexcept
    {
        return each<Float>([&](int i) {
            const Float4 p = x.part[i];
            const float sum = (p[0] + p[1]) + (p[2] + p[3]);
            return Float4{sum, sum, sum, sum};
        });
    }

    static inline float sum(const Float &x) noexcept
    {
        const Float4 s = (x.part[0] + x.part[2]) + (x.part[1] + x.part[3]);
        return (s[0] + s[2]) + (s[1] + s[3]);
    }

    static inline float greatest(const Float &x) noexcept
    {
        float result = 0.0f;
        for (int i = 0; i < 16; i++) {
            const float lane = x.part[i / 4][i % 4];
            result = lane > result ? lane : result;
        }
        return result;
    }

    static inline Int truncate(const Float &x) noexcept
    {
        return each<Int>([&](int i) { return __builtin_convertvector(x.part[i], Int4); });
    }

    static inline Float to_float(const Int &x) noexcept
    {
        return each<Float>([&](int i) { return __builtin_convertvector(x.part[i], Float4); });
    }

    static inline Int add(const Int &a, const Int &b) noexcept
    {
        return each<Int>([&](int i) { return a.part[i] + b.part[i]; });
    }

    static inline Int exclusive_or(const Int &a, const Int &b) noexcept
    {
        return each<Int>([&](int i) { return a.part[i] ^ b.part[i]; });
    }

    static inline Int invert(const Int &x, const Mask &m) noexcept
    {
        return each<Int>([&](int i) { return x.part[i] ^ (m.part[i] & 15); });
    }

    static inline std::int32_t sum(const Int &x) noexcept
    {
        const Int4 s = (x.part[0] + x.part[1]) + (x.part[2] + x.part[3]);
        return (s[0] + s[1]) + (s[2] + s[3]);
    }

    static inline void store_bytes(std::uint8_t *p, const Int &x) noexcept
    {
        for (int i = 0; i < 16; i++)
            p[i] = static_cast<std::uint8_t>(x.part[i / 4][i % 4]);
    }

    static inline void store_nibbles(std::uint8_t *p, const Int &low, const Int &high) noexcept
    {
        store_bytes(p, each<Int>([&](int i) { return low.part[i] | high.part[i] << 4; }));
    }
};

} // namespace

const CodingKernels kScalarCodingKernels = CodingLoop<Portable>::table(Isa::scalar);

} // namespace vx::kernel
