// SPDX-License-Identifier: PostgreSQL
//
// Lloyd's algorithm (S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28(2),
// 1982, doi 10.1109/TIT.1982.1056489) as faiss::Clustering runs it: random rows as first centroids,
// a fixed number of iterations, an empty list takes half of a crowded one. For the inner product
// the centroids are brought to length 1 after each iteration (spherical k-means: Dhillon, Modha,
// Machine Learning 42, 2001, doi 10.1023/A:1007612920971).
//
// Ours are the assignment step (nearest_index.hpp) and what faiss refuses: fewer rows than lists,
// and values so large that sums overflow.
#include "build/train.hpp"

#include "build/nearest_index.hpp"
#include "build/random.hpp"
#include "build/train_codes.hpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <faiss/Clustering.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <limits>
#include <memory>
#include <vector>

namespace vx::build
{

namespace
{

void
normalize(float *x, std::size_t dim) noexcept
{
    double square = 0;
    for (std::size_t i = 0; i < dim; i++)
        square += double(x[i]) * double(x[i]);
    if (square > 0)
        for (std::size_t i = 0; i < dim; i++)
            x[i] = float(x[i] / std::sqrt(square));
}

float
largest_magnitude(const float *rows, std::size_t floats) noexcept
{
    float largest = 0;
    for (std::size_t i = 0; i < floats; i++)
        largest = std::max(largest, std::fabs(rows[i]));
    return largest;
}

/// Fewer rows than lists: every row is a centroid, and the surplus are rows moved a little towards
/// or away from the origin in each dimension, so that rows to come spread over the lists instead of
/// crowding one. With no rows at all: random points of the unit cube.
void
train_few(VxTrainRequest &request)
{
    const auto dim = std::size_t(request.dim);
    const auto rows = std::size_t(request.row_count);
    const auto lists = std::size_t(request.list_count);
    const bool spherical = request.metric == VX_BUILD_INNER_PRODUCT;
    constexpr float kJitter = 0.01f;

    std::copy(request.rows, request.rows + rows * dim, request.centroids);
    for (std::size_t c = rows; c < lists; c++) {
        float *centroid = request.centroids + c * dim;
        for (std::size_t i = 0; i < dim; i++) {
            const float u = uniform(request.seed, c * dim + i);
            if (rows == 0) {
                centroid[i] = spherical ? u - 0.5f : u;
                continue;
            }
            const float x = request.rows[(c % rows) * dim + i];
            // A zero moves too, or copies of the zero vector would all be the same list.
            const float moved = x == 0.0f ? kJitter * (u - 0.5f) : x * (1.0f - kJitter * u);
            centroid[i] = std::isfinite(moved) ? moved : x;
        }
        if (spherical)
            normalize(centroid, dim);
    }
}

/// What faiss looks at between its steps.
class FaissInterrupt final : public faiss::InterruptCallback
{
  public:
    FaissInterrupt(Interrupt &interrupt, bool polls_here) noexcept
        : interrupt_(interrupt), polls_here_(polls_here)
    {
    }

    bool want_interrupt() override
    {
        if (polls_here_)
            interrupt_.poll();
        return interrupt_.stopped();
    }

    /// Installs the callback for a scope: faiss keeps it in a global.
    struct Scope {
        Scope(Interrupt &interrupt, bool polls_here)
        {
            faiss::InterruptCallback::instance =
                std::make_unique<FaissInterrupt>(interrupt, polls_here);
        }

        ~Scope() { faiss::InterruptCallback::instance.reset(); }

        Scope(const Scope &) = delete;
        Scope &operator=(const Scope &) = delete;
    };

  private:
    Interrupt &interrupt_;
    bool polls_here_;
};

// Most iterations need only a rough idea of where the rows are: with rows enough, `iterations` run
// over a part of them, and a few more over all. On 200,000 x 128 and 1,000 lists that gives the
// recall of 20 iterations over all rows (within .005) in half the time.
constexpr int kCoarseRowsPerList = 50;
constexpr int kFineIterations = 5;

bool
is_coarse_first(std::size_t row_count, std::size_t list_count) noexcept
{
    return row_count >= 2 * kCoarseRowsPerList * list_count;
}

void
train_faiss(VxTrainRequest &request, const float *rows, Interrupt &interrupt, bool polls_here)
{
    faiss::ClusteringParameters parameters;
    parameters.niter = std::max(request.iterations, 1);
    parameters.spherical = request.metric == VX_BUILD_INNER_PRODUCT;
    parameters.seed = int((request.seed ^ (request.seed >> 31)) & INT_MAX);
    // The caller has sampled: no second sample, and no advice on stderr about its size.
    parameters.min_points_per_centroid = 1;
    parameters.max_points_per_centroid = INT_MAX;

    const bool coarse_first =
        is_coarse_first(std::size_t(request.row_count), std::size_t(request.list_count));
    if (coarse_first)
        parameters.max_points_per_centroid = kCoarseRowsPerList; // faiss picks them at random

    faiss::Clustering clustering(request.dim, request.list_count, parameters);
    NearestIndex index(request.dim, request.metric, request.threads, polls_here, interrupt);
    const FaissInterrupt::Scope scope(interrupt, polls_here);
    try {
        clustering.train(request.row_count, rows, index);
        if (coarse_first) { // goes on from the centroids it has
            clustering.niter = kFineIterations;
            clustering.max_points_per_centroid = INT_MAX;
            clustering.train(request.row_count, rows, index);
        }
    } catch (const std::exception &) {
        if (interrupt.stopped())
            throw Interrupted{};
        throw;
    }
    std::copy(clustering.centroids.begin(), clustering.centroids.end(), request.centroids);
}

} // namespace

void
train(VxTrainRequest &request, Interrupt &interrupt, bool polls_here)
{
    if (request.row_count < request.list_count) {
        train_few(request);
        return;
    }
    if (request.approximate != VX_BUILD_FLOATS) {
        train_codes(request, interrupt, polls_here);
        return;
    }

    // The sum of a list's rows must stay finite; only then a scaled copy is worth its memory.
    const std::size_t floats = std::size_t(request.row_count) * std::size_t(request.dim);
    const float largest = largest_magnitude(request.rows, floats);
    if (largest < std::numeric_limits<float>::max() / (2 * float(request.row_count))) {
        train_faiss(request, request.rows, interrupt, polls_here);
        return;
    }
    const float scale = std::ldexp(1.0f, -std::ilogb(largest));
    std::vector<float> scaled(request.rows, request.rows + floats);
    for (float &x : scaled)
        x *= scale;
    train_faiss(request, scaled.data(), interrupt, polls_here);
    const float limit = std::numeric_limits<float>::max();
    const std::size_t out = std::size_t(request.list_count) * std::size_t(request.dim);
    for (std::size_t i = 0; i < out; i++)
        request.centroids[i] = std::clamp(request.centroids[i] / scale, -limit, limit);
}

std::size_t
train_memory(std::size_t row_count, std::size_t dim, std::size_t list_count, int threads) noexcept
{
    // faiss, per row: a random permutation (int), the distance (float), the label (int64); per
    // list: the centroid and the row count.
    const std::size_t per_row = sizeof(int) + sizeof(float) + sizeof(faiss::Index::idx_t);
    const std::size_t per_list = dim * sizeof(float) + sizeof(float);
    // The copy that faiss makes of the rows it picks.
    const std::size_t picked =
        is_coarse_first(row_count, list_count) ? kCoarseRowsPerList * list_count : 0;
    return row_count * per_row + picked * dim * sizeof(float) + list_count * per_list +
           NearestIndex::memory(list_count, dim, threads);
}

} // namespace vx::build
