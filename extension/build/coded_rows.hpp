// SPDX-License-Identifier: PostgreSQL
//
// The rows of a training as int8 codes: a quarter of the memory, and what the kernel wants.
#pragma once

#include "build/build_api.hpp"
#include "build/parallel.hpp"
#include "kernel/assign.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace vx::build
{

/// Some rows, one after the other.
struct RowSpan {
    const std::int8_t *codes;
    const kernel::RowFactors *factors;
    std::size_t count;
    std::size_t padded; // coordinates, with zeroes behind the last

    RowSpan first(std::size_t rows) const noexcept { return {codes, factors, rows, padded}; }
};

/// Rows relative to their mean, in random order: any number from the front is a random sample.
class CodedRows
{
  public:
    /// Throws Interrupted.
    CodedRows(const VxTrainRequest &request, const Team &team);

    RowSpan span() const noexcept
    {
        return {codes_.get(), factors_.data(), factors_.size(), padded_};
    }

    /// From the coordinates of the codes to the caller's. centroids: padded floats each.
    void restore(const float *centroids, std::size_t count, std::size_t dim, float *out) const;

    static std::size_t padded(std::size_t dim) noexcept { return (dim + 3) / 4 * 4; }

    static std::size_t memory(std::size_t rows, std::size_t dim, int threads) noexcept;

  private:
    void find_mean(const VxTrainRequest &request, const Team &team);
    void quantize(const VxTrainRequest &request, const Team &team);

    std::size_t padded_;
    float scale_ = 1;         // a power of two that brings the values near 1
    std::vector<float> mean_; // of the scaled rows
    /// No vector: nothing could stop the filling of gigabytes with zeroes.
    std::unique_ptr<std::int8_t[]> codes_;
    std::vector<kernel::RowFactors> factors_;
};

} // namespace vx::build
