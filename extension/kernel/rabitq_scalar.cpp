// SPDX-License-Identifier: PostgreSQL
//
// Scanning and refining with RaBitQ codes in portable C++: the reference.
#include "kernel/rabitq_tables.hpp"

#include <cmath>
#include <cstring>

namespace vx::kernel
{

namespace
{

/// sums[row] = of the look-up table's entries for the row's quads. Two rows share a byte.
void
look_up(const ScanQuery &query, const std::uint8_t *group, std::uint32_t *sums) noexcept
{
    for (std::size_t slot = 0; slot < kGroupRows / 2; slot++) {
        const std::uint8_t *lut = query.lut;
        const std::uint8_t *byte = group + scan_code_byte(slot, 0);
        std::uint32_t low = 0;
        std::uint32_t high = 0;
        for (std::uint32_t quad = 0; quad < query.scan_dimensions / 4;
             quad++, byte += 16, lut += 16) {
            low += lut[*byte & 0x0f];
            high += lut[*byte >> 4];
        }
        sums[slot] = low;
        sums[slot + kGroupRows / 2] = high;
    }
}

float
half_at(const std::uint8_t *halves, std::size_t i) noexcept
{
    std::uint16_t half;
    std::memcpy(&half, halves + 2 * i, sizeof(half));
    return float_from_half(half);
}

std::uint32_t
scan_groups(const ScanQuery &query, const GroupRun &run, const std::uint32_t *masks, float g,
            float margin, float threshold, Survivor *out) noexcept
{
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < run.count; i++) {
        const std::uint32_t mask = masks != nullptr ? masks[i] : ~0u;
        if (mask == 0)
            continue;
        const std::uint8_t *group = run.codes + std::size_t{i} * run.stride;
        std::uint32_t sums[kGroupRows];
        look_up(query, group, sums);
        for (std::uint32_t row = 0; row < kGroupRows; row++) {
            const float ip = std::fma(query.scale, static_cast<float>(sums[row]), query.base);
            const float rescale = half_at(group + run.rescale_offset, row);
            const float add = half_at(group + run.add_offset, row) + g;
            const float lower = std::fma(-margin, std::fabs(rescale), std::fma(rescale, ip, add));
            if ((mask >> row & 1) != 0 && lower < threshold)
                out[kept++] = {i * static_cast<std::uint32_t>(kGroupRows) + row, lower, ip};
        }
    }
    return kept;
}

void
fine_dots(const FineQuery &query, const std::uint8_t *const *records, std::size_t count,
          std::int32_t *dots) noexcept
{
    const std::size_t half = query.padded / 2;
    for (std::size_t i = 0; i < count; i++) {
        std::int32_t dot = 0;
        for (std::size_t j = 0; j < half; j++) {
            const int byte = records[i][j];
            dot += (byte & 0x0f) * query.q8[j] + (byte >> 4) * query.q8[half + j];
        }
        dots[i] = dot;
    }
}

} // namespace

const RabitqKernels kScalarRabitqKernels = {Isa::scalar, scan_groups, fine_dots};

} // namespace vx::kernel
