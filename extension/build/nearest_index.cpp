// SPDX-License-Identifier: PostgreSQL
#include "build/nearest_index.hpp"

#include "build/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vx::build
{

namespace
{

/// Bytes of packed rows per thread: half of a small second-level cache.
constexpr std::size_t kBlockBytes = 256 * 1024;

/// Groups of rows in a block: as many as the kernel takes, fewer where the dimension is high.
std::size_t
groups_per_block(const kernel::NearestKernels &kernels, std::size_t dim) noexcept
{
    const std::size_t group_bytes = std::max<std::size_t>(dim, 1) * kernels.group_rows * 4;
    return std::clamp<std::size_t>(kBlockBytes / group_bytes, 1, kernel::kNearestGroups);
}

std::size_t
panel_count(const kernel::NearestKernels &kernels, std::size_t centroids) noexcept
{
    return (centroids + kernels.panel_width - 1) / kernels.panel_width;
}

/// The power of two that brings a largest magnitude outside 2^-40 .. 2^40 to about 1: beyond it,
/// squares would overflow or lose their digits. Multiplying by it is exact.
float
scale_for(float largest) noexcept
{
    if (largest == 0.0f || (largest > 0x1p-40f && largest < 0x1p40f))
        return 1.0f;
    const int exponent = std::clamp(std::ilogb(largest), -126, 126);
    return std::ldexp(1.0f, -exponent);
}

} // namespace

NearestIndex::NearestIndex(int dim, VxBuildMetric metric, int threads, bool polls_here,
                           Interrupt &interrupt)
    : faiss::Index(dim, metric == VX_BUILD_L2 ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT),
      metric_(metric), threads_(threads), polls_here_(polls_here), interrupt_(interrupt),
      mean_(std::size_t(dim)), groups_(std::size_t(threads) * groups_per_block(kernels_, dim) *
                                       kernels_.group_rows * std::size_t(dim))
{
    is_trained = true;
}

void
NearestIndex::set(const float *centroids, std::size_t count)
{
    const std::size_t dim = std::size_t(d);
    const std::size_t width = kernels_.panel_width;
    const std::size_t panels = panel_count(kernels_, count);
    panels_.assign(panels * width * dim, 0.0f);
    bias_.assign(panels * width, std::numeric_limits<float>::infinity());
    ntotal = idx_t(count);

    float largest = 0;
    std::vector<double> sums(dim);
    for (std::size_t c = 0; c < count; c++)
        for (std::size_t i = 0; i < dim; i++) {
            largest = std::max(largest, std::fabs(centroids[c * dim + i]));
            sums[i] += double(centroids[c * dim + i]);
        }
    scale_ = scale_for(largest);
    // The inner product is not invariant under translation: there the mean stays 0.
    for (std::size_t i = 0; i < dim; i++)
        mean_[i] =
            metric_ == VX_BUILD_L2 && count > 0 ? float(sums[i] / double(count) * scale_) : 0.0f;

    for (std::size_t c = 0; c < count; c++) {
        float *panel = panels_.data() + (c / width) * width * dim + c % width;
        double square = 0;
        for (std::size_t i = 0; i < dim; i++) {
            const float x = centroids[c * dim + i] * scale_ - mean_[i];
            panel[i * width] = x;
            square += double(x) * double(x);
        }
        bias_[c] = metric_ == VX_BUILD_L2 ? float(square / 2) : 0.0f;
    }
}

void
NearestIndex::find_block(const float *rows, std::size_t row_count, float *groups,
                         std::int32_t *lists) const
{
    const std::size_t dim = std::size_t(d);
    const std::size_t in_group = kernels_.group_rows;
    const std::size_t group_count = (row_count + in_group - 1) / in_group;
    for (std::size_t r = 0; r < group_count * in_group; r++) {
        float *group = groups + (r / in_group) * in_group * dim + r % in_group;
        const float *row = rows + std::min(r, row_count - 1) * dim; // the padding repeats a row
        for (std::size_t i = 0; i < dim; i++)
            group[i * in_group] = row[i] * scale_ - mean_[i];
    }

    constexpr std::size_t kMostRows = kernel::kNearestGroups * 16;
    std::int32_t found[kMostRows];
    kernels_.nearest(groups, group_count, dim, panels_.data(), bias_.data(),
                     panel_count(kernels_, std::size_t(ntotal)), found);
    std::copy(found, found + row_count, lists);
}

void
NearestIndex::find(const float *rows, std::size_t row_count, std::int32_t *lists) const
{
    const std::size_t dim = std::size_t(d);
    const std::size_t block_rows = groups_per_block(kernels_, dim) * kernels_.group_rows;
    const std::size_t block_floats = block_rows * dim;
    const std::size_t blocks = (row_count + block_rows - 1) / block_rows;

    const auto one = [&](std::size_t block, std::size_t thread) {
        const std::size_t first = block * block_rows;
        find_block(rows + first * dim, std::min(block_rows, row_count - first),
                   groups_.data() + thread * block_floats, lists + first);
    };

    run_tasks({threads_, polls_here_, interrupt_}, blocks, one);
}

std::size_t
NearestIndex::memory(std::size_t count, std::size_t dim, int threads) noexcept
{
    const kernel::NearestKernels &kernels = kernel::nearest_kernels();
    const std::size_t centroids = panel_count(kernels, count) * kernels.panel_width;
    const std::size_t block = groups_per_block(kernels, dim) * kernels.group_rows * dim;
    return sizeof(float) * (centroids * (dim + 1) + std::size_t(std::max(threads, 1)) * block) +
           dim * (sizeof(float) + sizeof(double));
}

void
NearestIndex::add(idx_t count, const float *centroids)
{
    set(centroids, std::size_t(count));
}

/// faiss sums the distances only to report its progress; they are not computed.
void
NearestIndex::search(idx_t row_count, const float *rows, idx_t, float *distances, idx_t *labels,
                     const faiss::SearchParameters *) const
{
    // faiss wants 64-bit labels: fill the upper half of its array, then widen in place. Label i
    // ends where number i + 1 of the upper half begins, or before.
    auto *lists = reinterpret_cast<std::int32_t *>(labels) + row_count;
    find(rows, std::size_t(row_count), lists);
    for (idx_t i = 0; i < row_count; i++) {
        const std::int32_t list = lists[i];
        labels[i] = list;
    }
    std::fill(distances, distances + row_count, 0.0f);
}

void
NearestIndex::reset()
{
    ntotal = 0;
}

} // namespace vx::build
