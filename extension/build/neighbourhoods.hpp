// SPDX-License-Identifier: PostgreSQL
//
// The centroids that lie next to each centroid. After the first iterations of k-means a row leaves
// its list for one nearby, if at all, so most iterations need not compare it with any others.
#pragma once

#include "build/parallel.hpp"
#include "kernel/centroid_codes.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vx::build
{

class Neighbourhoods
{
  public:
    /// So many centroids, itself the first, so that they fill one block of the kernels.
    static constexpr std::size_t kSize = kernel::kBlockCentroids;

    Neighbourhoods(std::size_t most_lists, std::size_t padded, const Team &team);

    /// blocks: the same centroids as codes. Throws Interrupted.
    void find(const float *centroids, const std::uint8_t *blocks, std::size_t list_count);

    /// min(kSize, list_count) numbers, nearest first.
    const std::uint32_t *of(std::size_t list) const noexcept
    {
        return neighbours_.data() + list * kSize;
    }

    static std::size_t memory(std::size_t lists, std::size_t padded, int threads) noexcept;

  private:
    struct Workspace {
        std::vector<std::int8_t> planes; // two of `padded`, aligned
        std::vector<float> distances;
        std::vector<std::uint32_t> order;
    };

    void find_of(const float *centroid, std::size_t list, const std::uint8_t *blocks,
                 std::size_t list_count, Workspace &workspace);

    const Team &team_;
    std::size_t padded_;
    std::vector<std::uint32_t> neighbours_;
    std::vector<Workspace> workspaces_; // one per thread
};

} // namespace vx::build
