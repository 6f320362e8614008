// SPDX-License-Identifier: PostgreSQL
//
// The loops of coding.hpp, written once over 16 lanes V that each instruction set defines. Included
// only by the files coding_*.cpp, in whose unnamed namespace it stays (README, rule 1). Those files
// are compiled with -ffp-contract=off: a product and a sum are rounded twice on every path.
//
// V has: Float, Int (16 lanes each), Mask (16 bits);
//   zero(), set1(x), load(p), store(p, x), add, sub, mul, abs, min(a, b) = a < b ? a : b,
//   max(a, b) = a > b ? a : b, half_like(x): 0.5 with its sign;
//   mask(bits), bits(mask), not_positive(x): !(x > 0), flip(x, m): -x where m;
//   butterflies(x): the Walsh-Hadamard transform of the 16, neighbours first;
//   quad_sums(x): (x0 + x1) + (x2 + x3) in each lane of a quad;
//   sum(x), greatest(x): folded in halves;
//   int_zero(), truncate(x), to_float(i), add(i, j), sum(i), set_int(n), exclusive_or(i, j),
//   invert(i, m): i ^ 15 where m, store_bytes(p, i), store_nibbles(p, low, high).
#pragma once

#include "kernel/coding.hpp"
#include "kernel/rotation_loop.hpp"

namespace vx::kernel
{

namespace
{

template <class V> struct CodingLoop {
    using Float = typename V::Float;
    using Int = typename V::Int;
    using Mask = typename V::Mask;

    struct ResidualSums {
        Float square = V::zero();
        Float magnitude = V::zero();
        Float signed_centre = V::zero();
        Float centre = V::zero();
    };

    static inline float fold(Float low, Float high) noexcept { return V::sum(V::add(low, high)); }

    static inline void add_residual(const float *row, const float *centre, std::uint16_t *bits,
                                    ResidualSums &sums) noexcept
    {
        const Float c = V::load(centre);
        const Float r = V::sub(V::load(row), c);
        const Mask negative = V::not_positive(r);
        if (bits != nullptr) {
            const std::uint32_t code = ~V::bits(negative);
            __builtin_memcpy(bits, &code, sizeof(*bits));
            sums.magnitude = V::add(sums.magnitude, V::abs(r));
            sums.signed_centre = V::add(sums.signed_centre, V::flip(c, negative));
        }
        sums.square = V::add(sums.square, V::mul(r, r));
        sums.centre = V::add(sums.centre, V::mul(r, c));
    }

    static void scan_code(const CodeShape &shape, const float *row, const float *centre,
                          std::uint8_t *bits, ScanSums *out) noexcept
    {
        ResidualSums low;
        ResidualSums high;
        std::size_t i = 0;
        for (; i < shape.scan_dimensions; i += 32) {
            std::uint16_t code[2];
            add_residual(row + i, centre + i, &code[0], low);
            add_residual(row + i + 16, centre + i + 16, &code[1], high);
            __builtin_memcpy(bits + i / 8, code, sizeof(code));
        }
        out->covered_square = fold(low.square, high.square);
        for (; i < shape.padded; i += 32) {
            add_residual(row + i, centre + i, nullptr, low);
            add_residual(row + i + 16, centre + i + 16, nullptr, high);
        }
        out->square = fold(low.square, high.square);
        out->magnitude = fold(low.magnitude, high.magnitude);
        out->signed_centre = fold(low.signed_centre, high.signed_centre);
        out->centre = fold(low.centre, high.centre);
    }

    struct Levels {
        Float factor;
        Float most;
        Int flip; // of all nibbles: 8 where they hold the sign themselves
        Float half = V::set1(0.5f);
    };

    struct CodeSums {
        Float residual = V::zero();
        Float centre = V::zero();
        Float square = V::zero();
    };

    static inline Int add_levels(const float *row, const float *centre, const Levels &levels,
                                 CodeSums &sums) noexcept
    {
        const Float c = V::load(centre);
        const Float r = V::sub(V::load(row), c);
        const Mask negative = V::not_positive(r);
        const Float magnitude = V::abs(r);
        const Int level = V::truncate(V::min(V::mul(magnitude, levels.factor), levels.most));
        const Float x = V::add(V::to_float(level), levels.half);
        sums.residual = V::add(sums.residual, V::mul(magnitude, x));
        sums.centre = V::add(sums.centre, V::mul(V::flip(c, negative), x));
        sums.square = V::add(sums.square, V::mul(x, x));
        return V::exclusive_or(V::invert(level, negative), levels.flip);
    }

    static void fine_code(const CodeShape &shape, const float *row, const float *centre,
                          float factor, std::uint8_t *fine, FineSums *out) noexcept
    {
        const bool has_sign = shape.scan_dimensions != shape.padded;
        const Levels levels = {V::set1(factor), V::set1(has_sign ? 7.0f : 15.0f),
                               V::set_int(has_sign ? 8 : 0)};
        const std::size_t half = shape.padded / 2;
        CodeSums low;
        CodeSums high;
        for (std::size_t i = 0; i < half; i += 16) {
            const Int first = add_levels(row + i, centre + i, levels, low);
            const Int second = add_levels(row + half + i, centre + half + i, levels, high);
            V::store_nibbles(fine + i, first, second);
        }
        out->residual = fold(low.residual, high.residual);
        out->centre = fold(low.centre, high.centre);
        out->square = fold(low.square, high.square);
    }

    static void query_range(const float *query, std::size_t count, QueryRange *out) noexcept
    {
        Float low = V::zero();
        Float high = V::zero();
        Float greatest = V::zero();
        Float quad = V::zero();
        for (std::size_t i = 0; i < count; i += 32) {
            const Float a = V::abs(V::load(query + i));
            const Float b = V::abs(V::load(query + i + 16));
            low = V::add(low, a);
            high = V::add(high, b);
            greatest = V::max(V::max(a, b), greatest);
            quad = V::max(V::max(V::quad_sums(a), V::quad_sums(b)), quad);
        }
        out->sum = fold(low, high);
        out->greatest = V::greatest(greatest);
        out->quad = V::greatest(quad);
    }

    /// Lane j: |q| if bit `coordinate` of j tells the sign of q, else 0.
    static inline Float agreeing(float q, Mask clear, Float inverse) noexcept
    {
        return V::max(V::flip(V::mul(V::set1(q), inverse), clear), V::zero());
    }

    static void fill_lut(const float *query, std::size_t count, float inverse,
                         std::uint8_t *lut) noexcept
    {
        const Float factor = V::set1(inverse);
        const Float half = V::set1(0.5f);
        const Float most = V::set1(255.0f);
        const Mask clear0 = V::mask(0x5555); // the lanes j whose bit 0 is not set, ...
        const Mask clear1 = V::mask(0x3333);
        const Mask clear2 = V::mask(0x0f0f);
        const Mask clear3 = V::mask(0x00ff);
        for (std::size_t i = 0; i < count; i += 4) {
            const Float first =
                V::add(agreeing(query[i], clear0, factor), agreeing(query[i + 1], clear1, factor));
            const Float second = V::add(agreeing(query[i + 2], clear2, factor),
                                        agreeing(query[i + 3], clear3, factor));
            const Float entry = V::add(V::add(first, second), half);
            V::store_bytes(lut + 4 * i, V::truncate(V::min(entry, most)));
        }
    }

    static std::int32_t quantize(const float *query, std::size_t count, float inverse,
                                 std::int8_t *q8) noexcept
    {
        const Float factor = V::set1(inverse);
        const Float most = V::set1(127.0f);
        const Float least = V::set1(-127.0f);
        Int sum = V::set_int(0);
        for (std::size_t i = 0; i < count; i += 16) {
            const Float scaled = V::max(V::min(V::mul(V::load(query + i), factor), most), least);
            const Int rounded = V::truncate(V::add(scaled, V::half_like(scaled)));
            V::store_bytes(reinterpret_cast<std::uint8_t *>(q8) + i, rounded);
            sum = V::add(sum, rounded);
        }
        return V::sum(sum);
    }

    static constexpr CodingKernels table(Isa isa) noexcept
    {
        return {isa,     RotationLoop<V>::rotate, scan_code, fine_code, query_range, fill_lut,
                quantize};
    }
};

} // namespace

} // namespace vx::kernel
