// SPDX-License-Identifier: PostgreSQL
//
// The rotation of rotation.hpp over the 16 lanes V of coding_loop.hpp. No sum is reordered: the
// levels of a transform go from neighbours to distant coordinates on every path.
#pragma once

#include "kernel/rotation.hpp"

namespace vx::kernel
{

namespace
{

template <class V> struct RotationLoop {
    using Float = typename V::Float;

    /// Changes signs, scales, and transforms runs of 16.
    static inline void first_levels(float *x, std::size_t count, const std::uint64_t *signs,
                                    float scale) noexcept
    {
        const Float factor = V::set1(scale);
        for (std::size_t i = 0; i < count; i += 16) {
            const std::uint64_t word = signs[i / 64] >> (i % 64);
            const auto flips = V::mask(static_cast<std::uint32_t>(word & 0xffff));
            const Float signed_x = V::flip(V::load(x + i), flips);
            V::store(x + i, V::butterflies(V::mul(signed_x, factor)));
        }
    }

    /// (a, b) -> (a + b, a - b), b being `half` coordinates further.
    static inline void one_level(float *x, std::size_t half) noexcept
    {
        for (std::size_t i = 0; i < half; i += 16) {
            const Float a = V::load(x + i);
            const Float b = V::load(x + half + i);
            V::store(x + i, V::add(a, b));
            V::store(x + half + i, V::sub(a, b));
        }
    }

    /// The levels of distance h and 2 h in one pass.
    static inline void two_levels(float *x, std::size_t count, std::size_t h) noexcept
    {
        for (std::size_t start = 0; start < count; start += 4 * h)
            for (std::size_t i = start; i < start + h; i += 16) {
                const Float a = V::load(x + i);
                const Float b = V::load(x + i + h);
                const Float c = V::load(x + i + 2 * h);
                const Float d = V::load(x + i + 3 * h);
                const Float sum1 = V::add(a, b);
                const Float sum2 = V::add(c, d);
                const Float difference1 = V::sub(a, b);
                const Float difference2 = V::sub(c, d);
                V::store(x + i, V::add(sum1, sum2));
                V::store(x + i + h, V::add(difference1, difference2));
                V::store(x + i + 2 * h, V::sub(sum1, sum2));
                V::store(x + i + 3 * h, V::sub(difference1, difference2));
            }
    }

    static inline void last_levels(float *x, std::size_t count) noexcept
    {
        std::size_t h = 16;
        for (; 4 * h <= count; h *= 4)
            two_levels(x, count, h);
        if (h < count)
            one_level(x, h);
    }

    /// 1 / sqrt(power), power = 2^k.
    static inline float norm(std::size_t power) noexcept
    {
        float result = 1.0f;
        for (; power >= 4; power /= 4)
            result *= 0.5f;
        return power == 2 ? result * 0.70710678f : result;
    }

    /// One round: blocks of decreasing size from the front, or from the back.
    static inline void transform_blocks(float *x, std::size_t padded, const std::uint64_t *signs,
                                        bool from_back) noexcept
    {
        std::size_t done = 0;
        for (std::size_t power = std::size_t{1} << (63 - __builtin_clzll(padded)); done < padded;
             power /= 2) {
            if ((padded & power) == 0)
                continue;
            const std::size_t first = from_back ? padded - done - power : done;
            first_levels(x + first, power, signs + first / 64, norm(power));
            last_levels(x + first, power);
            done += power;
        }
    }

    static void rotate(const float *in, std::size_t dimensions, const std::uint64_t *signs,
                       std::size_t padded, float scale, float *out) noexcept
    {
        __builtin_memcpy(out, in, dimensions * sizeof(float));
        __builtin_memset(out + dimensions, 0, (padded - dimensions) * sizeof(float));

        const bool blocks = (padded & (padded - 1)) != 0;
        for (std::size_t round = 0; round < kRotationRounds; round++) {
            transform_blocks(out, padded, signs + round * padded / 64, round % 2 != 0);
            if (blocks)
                one_level(out, padded / 2);
        }
        // Each of the four mixings of halves made everything longer by the root of 2.
        const Float factor = V::set1(blocks ? 0.25f * scale : scale);
        for (std::size_t i = 0; i < padded; i += 16)
            V::store(out + i, V::mul(V::load(out + i), factor));
    }
};

} // namespace

} // namespace vx::kernel
