// SPDX-License-Identifier: PostgreSQL
//
// The nearest of many centroids, for many rows: what index build spends its time on.
//
// |x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x·c), so the nearest centroid of x minimises the *score*
// |c|^2 / 2 - x·c (for the inner product: -x·c), and finding it is a matrix product with the
// minimum taken on the way: no matrix of distances is ever written. Goto, van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication", ACM TOMS 34(3), 2008, doi 10.1145/1356052.1356053, is
// the manner: a block of rows x centroids stays in registers over the whole dimension.
//
// The caller packs both sides so that the kernel reads memory in order:
//   panel:  panel_width centroids, panel[d * panel_width + j] = c_j[d]
//   group:  group_rows rows,       group[d * group_rows + r]  = x_r[d]
// and subtracts the mean of the centroids from both while packing: without it the difference of two
// large numbers would drown small distances far from the origin.
#pragma once

#include "kernel/distance.hpp"

#include <cstddef>
#include <cstdint>

namespace vx::kernel
{

/// Groups that one call of `nearest` takes at most: while a panel is in the first-level cache, all
/// of them are multiplied with it.
constexpr std::size_t kNearestGroups = 16;

struct NearestKernels {
    Isa isa;
    std::size_t panel_width; // centroids in a panel
    std::size_t group_rows;  // rows in a group

    /// lists[i] = the centroid of least score for row i of group_count * group_rows, the lowest of
    /// equals; 0 when every score is infinite or NaN. `panels` holds panel_count panels, `bias` the
    /// |c|^2 / 2 (or 0) of each centroid and +infinity for the padding of the last panel.
    /// REQUIRES: group_count <= kNearestGroups.
    void (*nearest)(const float *groups, std::size_t group_count, std::size_t dim,
                    const float *panels, const float *bias, std::size_t panel_count,
                    std::int32_t *lists) noexcept;
};

/// As distance_kernels() and distance_kernels_for().
const NearestKernels &nearest_kernels() noexcept;
const NearestKernels *nearest_kernels_for(Isa isa) noexcept;

extern const NearestKernels kScalarNearestKernels;
extern const NearestKernels kAvx2NearestKernels;
extern const NearestKernels kAvx512NearestKernels;

} // namespace vx::kernel
