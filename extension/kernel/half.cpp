// SPDX-License-Identifier: PostgreSQL
//
// IEEE half precision: 1 sign, 5 exponent (bias 15), 10 fraction bits. As the F16C instructions
// convert, with NaN made quiet.
#include "kernel/rabitq.hpp"

#include <cstring>

namespace vx::kernel
{

namespace
{

constexpr std::uint32_t kFloatInfinity = 0x7f800000;
constexpr std::uint32_t kHalfOverflow = 0x477ff000; // 65520: from here on rounds to infinity
constexpr std::uint32_t kHalfNormal = 0x38800000;   // 2^-14

/// value / 2^bits, to the nearest, ties to even. bits >= 1.
std::uint32_t
shift_to_nearest(std::uint32_t value, unsigned bits) noexcept
{
    const std::uint32_t result = value >> bits;
    const std::uint32_t rest = value & ((std::uint32_t{1} << bits) - 1);
    const std::uint32_t half = std::uint32_t{1} << (bits - 1);
    return result + (rest > half || (rest == half && (result & 1) != 0) ? 1 : 0);
}

/// Of a positive float's bits.
std::uint32_t
half_of_magnitude(std::uint32_t bits) noexcept
{
    if (bits > kFloatInfinity)
        return 0x7e00 | (bits >> 13 & 0x3ff);
    if (bits >= kHalfOverflow)
        return 0x7c00;
    if (bits >= kHalfNormal)
        return shift_to_nearest(bits - 0x38000000, 13);
    const std::uint32_t exponent = bits >> 23;
    if (exponent < 102) // below 2^-25, half of the least half
        return 0;
    return shift_to_nearest((bits & 0x7fffff) | 0x800000, 126 - exponent);
}

} // namespace

std::uint16_t
half_from_float(float value) noexcept
{
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return static_cast<std::uint16_t>((bits >> 16 & 0x8000) | half_of_magnitude(bits & 0x7fffffff));
}

float
float_from_half(std::uint16_t value) noexcept
{
    const std::uint32_t sign = static_cast<std::uint32_t>(value & 0x8000) << 16;
    const std::uint32_t exponent = value >> 10 & 0x1f;
    std::uint32_t fraction = value & 0x3ff;
    std::uint32_t bits;
    if (exponent == 31) {
        bits = kFloatInfinity | fraction << 13 | (fraction != 0 ? 0x400000u : 0u);
    } else if (exponent != 0) {
        bits = (exponent + 112) << 23 | fraction << 13;
    } else if (fraction != 0) {
        std::uint32_t shifted = 113;
        for (; (fraction & 0x400) == 0; fraction <<= 1)
            shifted--;
        bits = shifted << 23 | (fraction & 0x3ff) << 13;
    } else {
        bits = 0;
    }
    bits |= sign;
    float result;
    std::memcpy(&result, &bits, sizeof(result));
    return result;
}

} // namespace vx::kernel
