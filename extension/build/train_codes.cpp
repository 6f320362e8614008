// SPDX-License-Identifier: PostgreSQL
//
// Lloyd's algorithm (train.cpp names it) where rows and centroids are int8 codes: the rounding of a
// coordinate is far below the distance of neighbouring centroids, and a processor multiplies eight
// times as many of them as floats.
//
// All lists are trained at once ("flat") as long as that ends soon. The time grows with the square
// of the number of lists, so for very many a tree of two levels gives the start, and two flat
// iterations mend what it costs: most rows near a border of the upper level.
#include "build/train_codes.hpp"

#include "build/lloyd.hpp"
#include "build/random.hpp"

#include <algorithm>
#include <cmath>

namespace vx::build
{

namespace
{

/// Most iterations run over so many rows per list, and kFineIterations over all.
constexpr std::size_t kCoarseRowsPerList = 64;
constexpr int kFineIterations = 2;

/// Flat training of more products than that (about a minute on two threads) starts from a tree.
constexpr double kMostFlatProducts = 2.5e13;
constexpr int kIterationsAfterTree = 2;
constexpr int kUsualIterations = 10; // for the memory, which must be known before

bool
is_tree_first(std::size_t rows, std::size_t lists, std::size_t dim, int iterations,
              int approximate) noexcept
{
    if (approximate == VX_BUILD_CODES_FROM_TREE)
        return true;
    const double used = double(std::min(rows, kCoarseRowsPerList * lists));
    return used * double(lists) * double(dim) * double(iterations) > kMostFlatProducts;
}

void
iterate(Lloyd &lloyd, const RowSpan &rows, float *centroids, std::size_t lists, int iterations,
        std::uint64_t seed)
{
    for (int i = 0; i < iterations; i++)
        lloyd.iterate(rows, centroids, lists, random_bits(seed, std::uint64_t(i)));
}

/// More iterations than asked for in less time: a third of them exactly on half of the rows, as
/// many nearby, then nearby on all rows between two exact ones. What an exact iteration corrects is
/// a row whose centroid has moved away from it further than its neighbours.
void
iterate_mostly_nearby(Lloyd &lloyd, const RowSpan &rows, float *centroids, std::size_t lists,
                      int iterations, std::uint64_t seed)
{
    if (lists <= 2 * Neighbourhoods::kSize || iterations < 4) {
        iterate(lloyd, rows, centroids, lists, iterations, seed);
        return;
    }
    const int third = iterations / 3;
    const RowSpan half = rows.first(std::max(rows.count / 2, lists));
    std::uint64_t i = 0;
    const auto exactly = [&](const RowSpan &some) {
        lloyd.iterate(some, centroids, lists, random_bits(seed, i++));
    };
    const auto nearby = [&](const RowSpan &some, int times) {
        for (; times > 0; times--)
            lloyd.iterate_nearby(some, centroids, lists, random_bits(seed, i++));
    };
    for (int j = 0; j < third; j++)
        exactly(half);
    nearby(half, third);
    exactly(rows);
    nearby(rows, iterations - 2 * third);
    exactly(rows);
}

/// The first rows as centroids: rows are in random order.
void
start(const RowSpan &rows, float *centroids, std::size_t lists)
{
    for (std::size_t c = 0; c < lists; c++)
        for (std::size_t i = 0; i < rows.padded; i++)
            centroids[c * rows.padded + i] =
                rows.factors[c].scale * float(rows.codes[c * rows.padded + i]);
}

/// How many lists each branch gets: in proportion to its rows, and no more than it has rows.
std::vector<std::size_t>
share_lists(const std::size_t *starts, std::size_t branches, std::size_t lists)
{
    std::vector<std::size_t> shares(branches);
    const std::size_t rows = starts[branches];
    std::size_t given = 0;
    for (std::size_t b = 0; b < branches; b++) { // rounds the running total: no remainder is left
        const auto until = std::size_t(double(starts[b + 1]) / double(rows) * double(lists) + 0.5);
        shares[b] = std::min(until - std::min(given, until), starts[b + 1] - starts[b]);
        given += shares[b];
    }
    return shares;
}

/// Rows of one branch, copied together.
struct Branch {
    std::vector<std::int8_t> codes;
    std::vector<kernel::RowFactors> factors;

    Branch(const RowSpan &rows, const std::uint32_t *members, std::size_t count)
        : codes(count * rows.padded), factors(count)
    {
        for (std::size_t r = 0; r < count; r++) {
            std::copy_n(rows.codes + members[r] * rows.padded, rows.padded,
                        codes.data() + r * rows.padded);
            factors[r] = rows.factors[members[r]];
        }
    }
};

std::size_t
branches_for(std::size_t lists) noexcept
{
    return std::size_t(std::sqrt(double(lists)));
}

/// A tree of two levels. The lower level of a branch is trained on the rows of the branch alone.
void
start_from_tree(Lloyd &lloyd, const RowSpan &rows, float *centroids, std::size_t lists,
                int iterations, std::uint64_t seed, const Team &team)
{
    const std::size_t branches = branches_for(lists);
    std::vector<float> upper(branches * rows.padded);
    start(rows, upper.data(), branches);
    iterate(lloyd, rows.first(std::min(rows.count, 4 * kCoarseRowsPerList * branches)),
            upper.data(), branches, iterations, seed);
    lloyd.divide(rows, upper.data(), branches);
    const std::vector<std::size_t> shares = share_lists(lloyd.starts(), branches, lists);

    std::size_t done = 0;
    for (std::size_t b = 0; b < branches; b++) {
        const std::size_t begin = lloyd.starts()[b];
        const std::size_t count = lloyd.starts()[b + 1] - begin;
        const Branch branch(rows, lloyd.members() + begin, count);
        const RowSpan span = {branch.codes.data(), branch.factors.data(), count, rows.padded};
        Lloyd lower(count, shares[b], rows.padded, team);
        start(span, centroids + done * rows.padded, shares[b]);
        iterate(lower, span, centroids + done * rows.padded, shares[b],
                shares[b] > 1 ? iterations : 1, random_bits(seed, b));
        done += shares[b];
    }
    // What rounding left: rows, which the flat iterations move to where they are needed.
    for (; done < lists; done++)
        start({rows.codes + done * rows.padded, rows.factors + done, 1, rows.padded},
              centroids + done * rows.padded, 1);
}

} // namespace

void
train_codes(VxTrainRequest &request, Interrupt &interrupt, bool polls_here)
{
    const auto lists = std::size_t(request.list_count);
    const auto dim = std::size_t(request.dim);
    const int iterations = std::max(request.iterations, 1);
    const Team team = {request.threads, polls_here, interrupt};
    const CodedRows coded(request, team);
    const RowSpan rows = coded.span();
    const RowSpan some = rows.first(std::min(rows.count, kCoarseRowsPerList * lists));
    std::vector<float> centroids(lists * rows.padded);
    Lloyd lloyd(rows.count, lists, rows.padded, team);

    if (is_tree_first(rows.count, lists, dim, iterations, request.approximate)) {
        start_from_tree(lloyd, some, centroids.data(), lists, iterations, request.seed, team);
        iterate(lloyd, some, centroids.data(), lists, kIterationsAfterTree, request.seed);
    } else {
        start(rows, centroids.data(), lists);
        iterate_mostly_nearby(lloyd, some, centroids.data(), lists, iterations, request.seed);
        if (some.count < rows.count)
            iterate(lloyd, rows, centroids.data(), lists, kFineIterations, request.seed + 1);
    }
    coded.restore(centroids.data(), lists, dim, request.centroids);
}

std::size_t
train_codes_memory(std::size_t row_count, std::size_t dim, std::size_t list_count, int threads,
                   int approximate) noexcept
{
    const std::size_t padded = CodedRows::padded(dim);
    std::size_t memory = CodedRows::memory(row_count, dim, threads) +
                         list_count * padded * sizeof(float) +
                         Lloyd::memory(row_count, list_count, dim, threads);
    // A tree: the upper centroids, and the largest branch, say a tenth of the rows.
    if (is_tree_first(row_count, list_count, dim, kUsualIterations, approximate)) {
        const std::size_t branch = std::min(row_count, kCoarseRowsPerList * list_count) / 10;
        memory += branches_for(list_count) * padded * sizeof(float) +
                  branch * (padded + sizeof(kernel::RowFactors)) +
                  Lloyd::memory(branch, list_count / 10, dim, threads);
    }
    return memory;
}

} // namespace vx::build
