// SPDX-License-Identifier: PostgreSQL
#include "build/neighbourhoods.hpp"

#include "build/aligned.hpp"
#include "kernel/list_order.hpp"

#include <algorithm>

namespace vx::build
{

namespace
{

constexpr std::size_t kTaskLists = 16; // some milliseconds at 10,000 lists of 1,000 dimensions

std::size_t
plane_bytes(std::size_t padded) noexcept
{
    return (padded + kAlignment - 1) / kAlignment * kAlignment;
}

/// |q - c|^2 of the 64 centroids of a block.
void
block_distances(const kernel::PlaneQuery &query, const std::uint8_t *block, float *distances)
{
    const kernel::CentroidKernels &kernels = kernel::centroid_kernels();
    std::int32_t sums[kernel::kBlockCentroids] = {};
    float products[kernel::kBlockCentroids];
    kernels.add_tiles(query, block + kernel::kFactorTiles * kernel::kTileBytes, query.padded / 4, 0,
                      sums);
    const auto *scales =
        reinterpret_cast<const float *>(block + kernel::kScaleTile * kernel::kTileBytes);
    const auto *norms =
        reinterpret_cast<const float *>(block + kernel::kNormTile * kernel::kTileBytes);
    kernels.finish_products(query, sums, scales, products);
    for (std::size_t j = 0; j < kernel::kBlockCentroids; j++)
        distances[j] = kernel::centroid_distance(query, products[j], norms[j]);
}

} // namespace

Neighbourhoods::Neighbourhoods(std::size_t most_lists, std::size_t padded, const Team &team)
    : team_(team), padded_(padded), neighbours_(most_lists * kSize),
      workspaces_(std::size_t(team.threads))
{
    const std::size_t places = kernel::centroid_blocks(most_lists) * kSize;
    for (Workspace &workspace : workspaces_) {
        workspace.planes.resize(2 * plane_bytes(padded) + kAlignment);
        workspace.distances.resize(places);
        workspace.order.resize(places);
    }
}

void
Neighbourhoods::find_of(const float *centroid, std::size_t list, const std::uint8_t *blocks,
                        std::size_t list_count, Workspace &workspace)
{
    std::int8_t *high = align(workspace.planes.data());
    kernel::PlaneQuery query;
    kernel::make_plane_query(centroid, padded_, high, high + plane_bytes(padded_), &query);
    const std::size_t block_bytes = kernel::tiles_per_block(padded_) * kernel::kTileBytes;
    for (std::size_t block = 0; block < kernel::centroid_blocks(list_count); block++)
        block_distances(query, blocks + block * block_bytes,
                        workspace.distances.data() + block * kSize);

    workspace.distances[list] = 0.0f; // its code could be farther from it than another's
    kernel::ListOrder order;
    kernel::begin_list_order(workspace.distances.data(), std::uint32_t(list_count),
                             workspace.order.data(), &order);
    const std::size_t wanted = std::min(kSize, list_count);
    const std::size_t found = kernel::more_lists(&order, std::uint32_t(wanted));
    std::uint32_t *out = neighbours_.data() + list * kSize;
    std::copy_n(workspace.order.data(), std::min(found, wanted), out);
    std::fill(out + std::min(found, wanted), out + wanted, std::uint32_t(list)); // too far to tell
}

void
Neighbourhoods::find(const float *centroids, const std::uint8_t *blocks, std::size_t list_count)
{
    run_tasks(team_, (list_count + kTaskLists - 1) / kTaskLists,
              [&](std::size_t task, std::size_t thread) {
                  const std::size_t first = task * kTaskLists;
                  for (std::size_t c = first; c < std::min(first + kTaskLists, list_count); c++)
                      find_of(centroids + c * padded_, c, blocks, list_count, workspaces_[thread]);
              });
}

std::size_t
Neighbourhoods::memory(std::size_t lists, std::size_t padded, int threads) noexcept
{
    const std::size_t places = kernel::centroid_blocks(lists) * kSize;
    return lists * kSize * sizeof(std::uint32_t) +
           std::size_t(threads) * (places * (sizeof(float) + sizeof(std::uint32_t)) + 2 * padded);
}

} // namespace vx::build
