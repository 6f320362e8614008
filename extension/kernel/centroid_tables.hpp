// SPDX-License-Identifier: PostgreSQL
//
// The tables of the kernels on centroid codes, one per instruction set, and what the parts of
// assign_rows() and more_lists() that every set shares ask of them.
#pragma once

#include "kernel/assign.hpp"
#include "kernel/centroid_codes.hpp"
#include "kernel/list_order.hpp"

namespace vx::kernel
{

/// The nearest centroids of one row so far. With `nearest` = 1 each slot is the least of its own
/// share of the centroids, so that lanes of a vector need not be compared with each other; else
/// the first `nearest` slots are in order. Unused slots: +infinity, -1.
struct alignas(64) BestSlots {
    static constexpr std::size_t kSlots = 16;

    float score[kSlots]; // |c|^2 - 2 <row, c>
    std::int32_t list[kSlots];
};

/// Quantised rows that stay in the cache while all centroids pass.
struct AssignChunk {
    const std::int8_t *codes;
    const RowFactors *factors;
    std::size_t rows;
    std::size_t padded;
    std::size_t nearest;
    BestSlots *best;
};

struct AssignKernels {
    Isa isa;

    /// Compares every row of the chunk with a block of 64 centroids, the first of them numbered
    /// first_list: score = fma(-2 scale, float(<u, codes>) * centroid scale, norm2).
    void (*keep_nearest)(const AssignChunk &chunk, const std::uint8_t *block,
                         std::int32_t first_list) noexcept;
};

struct ListOrderKernels {
    Isa isa;

    /// groups[i] = the least key above `above` of its share of the lists, if that is less: there
    /// are kKeyGroups groups, and lists next to each other are in different ones.
    void (*minima)(const float *distances, std::uint32_t begin, std::uint32_t end,
                   std::int32_t above, std::int32_t *groups) noexcept;

    /// How many of the kKeyGroups numbers are at most `key`.
    std::uint32_t (*count_up_to)(const std::int32_t *groups, std::int32_t key) noexcept;

    /// Writes the numbers of lists in [*from, end) with above < key <= up_to, in rising order, and
    /// returns how many; stops early where there may not be room (of at least 32) for more, and
    /// sets *from to where to go on.
    std::uint32_t (*pick)(const float *distances, std::uint32_t *from, std::uint32_t end,
                          std::int32_t above, std::int32_t up_to, std::uint32_t *lists,
                          std::uint32_t room) noexcept;
};

extern const CentroidKernels kScalarCentroidKernels;
extern const CentroidKernels kAvx2CentroidKernels;
extern const CentroidKernels kAvx512CentroidKernels;
extern const CentroidKernels kAvx512VnniCentroidKernels;

extern const AssignKernels kScalarAssignKernels;
extern const AssignKernels kAvx2AssignKernels;
extern const AssignKernels kAvx512AssignKernels;
extern const AssignKernels kAvx512VnniAssignKernels;

extern const ListOrderKernels kScalarListOrderKernels;
extern const ListOrderKernels kAvx2ListOrderKernels;
extern const ListOrderKernels kAvx512ListOrderKernels;

/// Whether the processor has AVX-512 VNNI.
bool has_vnni() noexcept;

/// What this processor gets.
const AssignKernels &assign_kernels() noexcept;
const ListOrderKernels &list_order_kernels() noexcept;

} // namespace vx::kernel
