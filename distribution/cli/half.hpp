// SPDX-License-Identifier: PostgreSQL
//
// IEEE 754 binary16 to float, exact for every value, without instructions that old processors lack.
#pragma once

#include <cstdint>
#include <cstring>

namespace cli
{

inline float
half_to_float(uint16_t half) noexcept
{
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
    const uint32_t exponent = (half >> 10) & 0x1f;
    const uint32_t fraction = half & 0x3ff;
    if (exponent == 0) { // zero and subnormal numbers: fraction * 2^-24
        const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    const uint32_t wide = exponent == 0x1f ? 0xff : exponent + (127 - 15);
    const uint32_t bits = sign | wide << 23 | fraction << 13;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

} // namespace cli
