// SPDX-License-Identifier: PostgreSQL
#include "build/coded_rows.hpp"

#include "build/random.hpp"
#include "kernel/sums.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace vx::build
{

namespace
{

constexpr std::size_t kTaskFloats = 1 << 18;

std::size_t
rows_per_task(std::size_t dim) noexcept
{
    return std::max<std::size_t>(kTaskFloats / dim, 1);
}

std::size_t
tasks_for(std::size_t rows, std::size_t dim) noexcept
{
    return (rows + rows_per_task(dim) - 1) / rows_per_task(dim);
}

/// The power of two that brings a largest magnitude outside 2^-20 .. 2^20 to about 1: beyond it,
/// squares would overflow or lose their digits. Multiplying by it is exact.
float
scale_for(float largest) noexcept
{
    if (largest == 0.0f || (largest > 0x1p-20f && largest < 0x1p20f))
        return 1.0f;
    return std::ldexp(1.0f, -std::clamp(std::ilogb(largest), -126, 126));
}

std::vector<std::uint32_t>
shuffled(std::size_t count, std::uint64_t seed)
{
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0u);
    for (std::size_t i = 0; i + 1 < count; i++)
        std::swap(order[i], order[i + random_below(seed, i, count - i)]);
    return order;
}

} // namespace

CodedRows::CodedRows(const VxTrainRequest &request, const Team &team)
    : padded_(padded(std::size_t(request.dim))), mean_(std::size_t(request.dim)),
      codes_(new std::int8_t[std::size_t(request.row_count) * padded_]),
      factors_(std::size_t(request.row_count))
{
    find_mean(request, team);
    quantize(request, team);
}

/// The sums of the tasks are added in their order, so the mean does not depend on the threads.
void
CodedRows::find_mean(const VxTrainRequest &request, const Team &team)
{
    const auto dim = std::size_t(request.dim);
    const auto rows = std::size_t(request.row_count);
    const auto in_round = std::size_t(team.threads);
    std::vector<double> total(dim);
    std::vector<double> sums(dim * in_round);
    std::vector<float> largest(in_round); // each of what its tasks saw
    const std::size_t tasks = tasks_for(rows, dim);
    const kernel::SumKernels &kernels = kernel::sum_kernels();
    for (std::size_t first = 0; first < tasks; first += in_round) {
        const std::size_t round = std::min(in_round, tasks - first);
        std::fill(sums.begin(), sums.end(), 0.0);
        run_tasks(team, round, [&](std::size_t task, std::size_t) {
            const std::size_t begin = (first + task) * rows_per_task(dim);
            const std::size_t end = std::min(begin + rows_per_task(dim), rows);
            for (std::size_t r = begin; r < end; r++)
                largest[task] = kernels.add_row(sums.data() + task * dim, request.rows + r * dim,
                                                dim, largest[task]);
        });
        for (std::size_t task = 0; task < round; task++)
            for (std::size_t i = 0; i < dim; i++)
                total[i] += sums[task * dim + i];
    }
    scale_ = scale_for(*std::max_element(largest.begin(), largest.end()));
    for (std::size_t i = 0; i < dim; i++) {
        if (!std::isfinite(total[i])) // no sum of floats overflows in float64
            throw std::invalid_argument("a row contains NaN or infinity");
        mean_[i] = float(total[i] / double(rows) * double(scale_));
    }
}

void
CodedRows::quantize(const VxTrainRequest &request, const Team &team)
{
    const auto dim = std::size_t(request.dim);
    const std::size_t rows = factors_.size();
    const std::vector<std::uint32_t> order = shuffled(rows, request.seed);
    std::vector<float> centred(padded_ * std::size_t(team.threads)); // zero behind the last
    run_tasks(team, tasks_for(rows, dim), [&](std::size_t task, std::size_t thread) {
        float *row = centred.data() + thread * padded_;
        const std::size_t begin = task * rows_per_task(dim);
        const std::size_t end = std::min(begin + rows_per_task(dim), rows);
        for (std::size_t r = begin; r < end; r++) {
            const float *from = request.rows + order[r] * dim;
            for (std::size_t i = 0; i < dim; i++)
                row[i] = from[i] * scale_ - mean_[i];
            kernel::quantize_rows(row, 1, padded_, codes_.get() + r * padded_, &factors_[r]);
        }
    });
}

void
CodedRows::restore(const float *centroids, std::size_t count, std::size_t dim, float *out) const
{
    const double limit = std::numeric_limits<float>::max();
    for (std::size_t c = 0; c < count; c++)
        for (std::size_t i = 0; i < dim; i++) {
            const double x =
                (double(centroids[c * padded_ + i]) + double(mean_[i])) / double(scale_);
            out[c * dim + i] = float(std::clamp(x, -limit, limit));
        }
}

std::size_t
CodedRows::memory(std::size_t rows, std::size_t dim, int threads) noexcept
{
    return rows * (padded(dim) + sizeof(kernel::RowFactors) + sizeof(std::uint32_t)) +
           dim * (sizeof(float) + sizeof(double) * (std::size_t(threads) + 1)) +
           padded(dim) * sizeof(float) * std::size_t(threads);
}

} // namespace vx::build
