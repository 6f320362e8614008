// SPDX-License-Identifier: PostgreSQL
//
// Finding the nearest centroid of every row, with OpenMP over the kernel of kernel/nearest.hpp.
// The same object serves assign() and, as a faiss::Index, the k-means of train(): it replaces
// faiss::IndexFlat there because it measured several times as fast (README).
#pragma once

#include "build/build_api.hpp"
#include "build/interrupt.hpp"
#include "kernel/nearest.hpp"

#include <cstddef>
#include <cstdint>
#include <faiss/Index.h>
#include <vector>

namespace vx::build
{

/// A set of centroids, packed for the kernel.
///
/// Thread safety: find() is const and may run its own threads; one caller at a time.
class NearestIndex final : public faiss::Index
{
  public:
    NearestIndex(int dim, VxBuildMetric metric, int threads, bool polls_here, Interrupt &interrupt);

    /// Replaces the centroids.
    void set(const float *centroids, std::size_t count);

    /// lists[i] = the nearest centroid of row i. Throws Interrupted.
    void find(const float *rows, std::size_t row_count, std::int32_t *lists) const;

    /// Bytes that an index of `count` centroids holds while find() runs.
    static std::size_t memory(std::size_t count, std::size_t dim, int threads) noexcept;

    // faiss::Index, as far as faiss::Clustering calls it.
    void add(idx_t count, const float *centroids) override;
    void search(idx_t row_count, const float *rows, idx_t k, float *distances, idx_t *labels,
                const faiss::SearchParameters *params) const override;
    void reset() override;

  private:
    void find_block(const float *rows, std::size_t row_count, float *groups,
                    std::int32_t *lists) const;

    const kernel::NearestKernels &kernels_ = kernel::nearest_kernels();
    VxBuildMetric metric_;
    int threads_;
    bool polls_here_;
    Interrupt &interrupt_;

    float scale_ = 1.0f;      // a power of two that keeps squares within float32's range
    std::vector<float> mean_; // of the scaled centroids
    std::vector<float> panels_;
    std::vector<float> bias_;
    mutable std::vector<float> groups_; // one block of packed rows per thread
};

} // namespace vx::build
