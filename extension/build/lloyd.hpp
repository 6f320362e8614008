// SPDX-License-Identifier: PostgreSQL
//
// One iteration of Lloyd's algorithm on coded rows and coded centroids.
#pragma once

#include "build/coded_rows.hpp"
#include "build/neighbourhoods.hpp"

namespace vx::build
{

/// Memory for iterations over up to that many rows and lists.
class Lloyd
{
  public:
    Lloyd(std::size_t most_rows, std::size_t most_lists, std::size_t padded, const Team &team);

    /// centroids (list_count x padded): each becomes the mean of the rows that are nearest to it;
    /// one that has none becomes a row of a crowded list. `seed` picks that row. Throws
    /// Interrupted.
    void iterate(const RowSpan &rows, float *centroids, std::size_t list_count, std::uint64_t seed);

    /// The same, but each row is compared only with the neighbours of its centroid. REQUIRES: the
    /// last iteration was over the same rows and lists. A hundredth of the time with thousands of
    /// lists.
    void iterate_nearby(const RowSpan &rows, float *centroids, std::size_t list_count,
                        std::uint64_t seed);

    /// The rows in the order of their lists, those of list l being members()[starts()[l]] to
    /// members()[starts()[l + 1]].
    void divide(const RowSpan &rows, const float *centroids, std::size_t list_count);

    const std::uint32_t *members() const noexcept { return members_.data(); }

    const std::size_t *starts() const noexcept { return starts_.data(); }

    static std::size_t memory(std::size_t rows, std::size_t lists, std::size_t dim,
                              int threads) noexcept;

  private:
    /// What a thread needs for the rows of one list and their neighbours.
    struct Near {
        std::vector<std::uint8_t> block_memory;
        std::vector<std::int8_t> codes;
        std::vector<kernel::RowFactors> factors;
        std::vector<std::int32_t> places; // in the block
    };

    void divide_nearby(const RowSpan &rows, const float *centroids, std::size_t list_count);
    void divide_list(const RowSpan &rows, std::size_t list, std::size_t list_count,
                     std::size_t thread);
    const std::uint8_t *pack_neighbours(std::size_t list, std::size_t count, Near &near) const;
    void sort_members(std::size_t row_count, std::size_t list_count);
    void update(const RowSpan &rows, float *centroids, std::size_t list_count, std::uint64_t seed);
    void pack(const float *centroids, std::size_t list_count);
    void average(const RowSpan &rows, std::size_t list, float *centroid) const;
    void fill_empty(const RowSpan &rows, float *centroids, std::size_t list_count,
                    std::uint64_t seed);

    const Team &team_;
    std::size_t padded_;
    std::vector<std::uint8_t> block_memory_;
    std::uint8_t *blocks_; // aligned
    std::vector<std::uint8_t> workspace_memory_;
    std::uint8_t *workspaces_;       // one per thread
    std::vector<std::int8_t> codes_; // of the centroids of a block, per thread
    Neighbourhoods neighbourhoods_;
    std::vector<Near> near_;          // per thread
    std::vector<std::int32_t> lists_; // of the rows
    std::vector<std::uint32_t> members_;
    std::vector<std::size_t> starts_;
};

} // namespace vx::build
