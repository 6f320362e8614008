// SPDX-License-Identifier: PostgreSQL
#include "build/lloyd.hpp"

#include "build/aligned.hpp"
#include "build/random.hpp"
#include "kernel/sums.hpp"

#include <algorithm>
#include <cstring>
#include <queue>
#include <utility>

namespace vx::build
{

namespace
{

/// Products in a task of the assignment: about a millisecond with VNNI, 50 in portable C++.
constexpr std::size_t kTaskProducts = std::size_t(1) << 28;
constexpr std::size_t kRowMultiple = 192; // what the kernel keeps in the cache at a time
constexpr std::size_t kMostTaskRows = 16 * kRowMultiple;

/// Floats that a task of the update step adds up, if a list holds as many rows as others.
constexpr std::size_t kTaskLists = 16;

std::size_t
rows_per_task(std::size_t padded, std::size_t list_count) noexcept
{
    const std::size_t rows = kTaskProducts / (padded * std::max<std::size_t>(list_count, 64));
    if (rows < kRowMultiple)
        return std::max<std::size_t>(rows, 12);
    return std::min(rows / kRowMultiple * kRowMultiple, kMostTaskRows);
}

std::size_t
block_bytes(std::size_t lists, std::size_t padded) noexcept
{
    return kernel::centroid_blocks(lists) * kernel::tiles_per_block(padded) * kernel::kTileBytes;
}

/// Rows of a list that are compared with its neighbours at a time.
constexpr std::size_t kNearRows = kRowMultiple;

} // namespace

Lloyd::Lloyd(std::size_t most_rows, std::size_t most_lists, std::size_t padded, const Team &team)
    : team_(team), padded_(padded), block_memory_(block_bytes(most_lists, padded) + kAlignment),
      blocks_(align(block_memory_.data())),
      workspace_memory_(kernel::assign_workspace(padded) * std::size_t(team.threads) + kAlignment),
      workspaces_(align(workspace_memory_.data())), codes_(padded * std::size_t(team.threads)),
      neighbourhoods_(most_lists, padded, team), near_(std::size_t(team.threads)),
      lists_(most_rows), members_(most_rows), starts_(most_lists + 1)
{
    for (Near &near : near_) {
        near.block_memory.resize(block_bytes(1, padded) + kAlignment);
        near.codes.resize(kNearRows * padded);
        near.factors.resize(kNearRows);
        near.places.resize(kNearRows);
    }
}

/// The centroids as codes; a task is a block of 64.
void
Lloyd::pack(const float *centroids, std::size_t list_count)
{
    kernel::clear_centroids(blocks_, kernel::centroid_blocks(list_count), padded_);
    run_tasks(team_, kernel::centroid_blocks(list_count),
              [&](std::size_t block, std::size_t thread) {
                  std::int8_t *codes = codes_.data() + thread * padded_;
                  const std::size_t first = block * kernel::kBlockCentroids;
                  for (std::size_t c = first;
                       c < std::min(first + kernel::kBlockCentroids, list_count); c++) {
                      kernel::CentroidFactors factors;
                      factors.scale = kernel::quantize_centroid(centroids + c * padded_, padded_,
                                                                codes, &factors.norm2);
                      kernel::put_centroid(c, padded_, codes, factors, [&](std::size_t tile) {
                          return blocks_ + tile * kernel::kTileBytes;
                      });
                  }
              });
}

void
Lloyd::divide(const RowSpan &rows, const float *centroids, std::size_t list_count)
{
    pack(centroids, list_count);
    const std::size_t step = rows_per_task(padded_, list_count);
    run_tasks(team_, (rows.count + step - 1) / step, [&](std::size_t task, std::size_t thread) {
        const std::size_t first = task * step;
        kernel::assign_codes(rows.codes + first * padded_, rows.factors + first,
                             std::min(step, rows.count - first), padded_, blocks_, list_count, 1,
                             workspaces_ + thread * kernel::assign_workspace(padded_),
                             lists_.data() + first, nullptr);
    });

    sort_members(rows.count, list_count);
}

/// The rows by list, from lists_.
void
Lloyd::sort_members(std::size_t row_count, std::size_t list_count)
{
    std::fill(starts_.begin(), starts_.begin() + std::ptrdiff_t(list_count) + 1, std::size_t(0));
    for (std::size_t r = 0; r < row_count; r++)
        starts_[std::size_t(lists_[r]) + 1]++;
    for (std::size_t c = 0; c < list_count; c++)
        starts_[c + 1] += starts_[c];
    for (std::size_t r = 0; r < row_count; r++) // moves each start to its end
        members_[starts_[std::size_t(lists_[r])]++] = std::uint32_t(r);
    for (std::size_t c = list_count; c > 0; c--)
        starts_[c] = starts_[c - 1];
    starts_[0] = 0;
}

/// Copies the centroid's neighbours together. Every tile has four bytes per place.
const std::uint8_t *
Lloyd::pack_neighbours(std::size_t list, std::size_t count, Near &near) const
{
    const std::size_t tiles = kernel::tiles_per_block(padded_);
    const std::uint32_t *neighbours = neighbourhoods_.of(list);
    std::uint8_t *block = align(near.block_memory.data());
    kernel::clear_centroids(block, 1, padded_);
    for (std::size_t i = 0; i < count; i++) {
        const std::size_t c = neighbours[i];
        const std::uint8_t *from = blocks_ +
                                   c / kernel::kBlockCentroids * tiles * kernel::kTileBytes +
                                   kernel::place_in_tile(c);
        std::uint8_t *to = block + kernel::place_in_tile(i);
        for (std::size_t tile = 0; tile < tiles; tile++)
            std::memcpy(to + tile * kernel::kTileBytes, from + tile * kernel::kTileBytes, 4);
    }
    return block;
}

/// Compares the rows of a list with its centroid's neighbours.
void
Lloyd::divide_list(const RowSpan &rows, std::size_t list, std::size_t list_count,
                   std::size_t thread)
{
    Near &near = near_[thread];
    const std::size_t count = std::min(Neighbourhoods::kSize, list_count);
    const std::uint8_t *block = pack_neighbours(list, count, near);
    for (std::size_t m = starts_[list]; m < starts_[list + 1]; m += kNearRows) {
        const std::size_t some = std::min(kNearRows, starts_[list + 1] - m);
        for (std::size_t i = 0; i < some; i++) {
            std::memcpy(near.codes.data() + i * padded_, rows.codes + members_[m + i] * padded_,
                        padded_);
            near.factors[i] = rows.factors[members_[m + i]];
        }
        kernel::assign_codes(near.codes.data(), near.factors.data(), some, padded_, block, count, 1,
                             workspaces_ + thread * kernel::assign_workspace(padded_),
                             near.places.data(), nullptr);
        for (std::size_t i = 0; i < some; i++)
            lists_[members_[m + i]] =
                std::int32_t(neighbourhoods_.of(list)[std::size_t(near.places[i])]);
    }
}

void
Lloyd::divide_nearby(const RowSpan &rows, const float *centroids, std::size_t list_count)
{
    pack(centroids, list_count);
    neighbourhoods_.find(centroids, blocks_, list_count);
    run_tasks(team_, list_count, [&](std::size_t list, std::size_t thread) {
        if (starts_[list] < starts_[list + 1])
            divide_list(rows, list, list_count, thread);
    });
    sort_members(rows.count, list_count);
}

/// The sums run over the rows in their order, whatever thread does it.
void
Lloyd::average(const RowSpan &rows, std::size_t list, float *centroid) const
{
    const std::size_t begin = starts_[list];
    const std::size_t end = starts_[list + 1];
    if (begin == end)
        return;
    const kernel::SumKernels &kernels = kernel::sum_kernels();
    std::fill(centroid, centroid + padded_, 0.0f);
    for (std::size_t m = begin; m < end; m++) {
        const std::int8_t *codes = rows.codes + members_[m] * padded_;
        kernels.add_codes(centroid, codes, rows.factors[members_[m]].scale, padded_);
    }
    const float inverse = 1.0f / float(end - begin);
    for (std::size_t i = 0; i < padded_; i++)
        centroid[i] *= inverse;
}

/// A row of the fullest list, for each list without rows: two centroids that differ by a little, as
/// is common, could have the same codes.
void
Lloyd::fill_empty(const RowSpan &rows, float *centroids, std::size_t list_count, std::uint64_t seed)
{
    std::priority_queue<std::pair<std::size_t, std::size_t>> fullest; // rows, list
    for (std::size_t empty = 0; empty < list_count; empty++) {
        if (starts_[empty] != starts_[empty + 1])
            continue;
        if (fullest.empty())
            for (std::size_t c = 0; c < list_count; c++)
                fullest.emplace(starts_[c + 1] - starts_[c], c);
        const auto [count, list] = fullest.top();
        if (count < 2)
            return;
        fullest.pop();
        fullest.emplace(count / 2, list);
        const std::size_t all = starts_[list + 1] - starts_[list];
        const std::size_t row = members_[starts_[list] + random_below(seed, empty, all)];
        for (std::size_t i = 0; i < padded_; i++)
            centroids[empty * padded_ + i] =
                rows.factors[row].scale * float(rows.codes[row * padded_ + i]);
    }
}

void
Lloyd::iterate(const RowSpan &rows, float *centroids, std::size_t list_count, std::uint64_t seed)
{
    divide(rows, centroids, list_count);
    update(rows, centroids, list_count, seed);
}

void
Lloyd::iterate_nearby(const RowSpan &rows, float *centroids, std::size_t list_count,
                      std::uint64_t seed)
{
    divide_nearby(rows, centroids, list_count);
    update(rows, centroids, list_count, seed);
}

void
Lloyd::update(const RowSpan &rows, float *centroids, std::size_t list_count, std::uint64_t seed)
{
    run_tasks(team_, (list_count + kTaskLists - 1) / kTaskLists,
              [&](std::size_t task, std::size_t) {
                  const std::size_t first = task * kTaskLists;
                  for (std::size_t c = first; c < std::min(first + kTaskLists, list_count); c++)
                      average(rows, c, centroids + c * padded_);
              });
    fill_empty(rows, centroids, list_count, seed);
}

std::size_t
Lloyd::memory(std::size_t rows, std::size_t lists, std::size_t dim, int threads) noexcept
{
    const std::size_t padded = CodedRows::padded(dim);
    return block_bytes(lists, padded) + Neighbourhoods::memory(lists, padded, threads) +
           std::size_t(threads) *
               (kernel::assign_workspace(padded) + padded + block_bytes(1, padded) +
                kNearRows * (padded + sizeof(kernel::RowFactors) + sizeof(std::int32_t))) +
           rows * (sizeof(std::int32_t) + sizeof(std::uint32_t)) +
           (lists + 1) * sizeof(std::size_t);
}

} // namespace vx::build
