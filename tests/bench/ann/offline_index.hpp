// SPDX-License-Identifier: PostgreSQL
//
// An index of RaBitQ codes in memory, in pages of the shape that ivfrabitq's have
// (extension/index/ivfrabitq/page.hpp): the same groups, the same neighbours, the same strides.
// What is missing are the buffer manager, the executor and everything that changes an index.
#pragma once

#include "bench/ann/dataset.hpp"
#include "kernel/centroid_codes.hpp"
#include "kernel/rabitq.hpp"

#include <memory>
#include <string>

namespace bench
{

constexpr std::size_t kPage = 8192;
constexpr std::size_t kTilesOffset = 64; // of the first tile in a centroid page
constexpr std::size_t kTilesPerPage = 31;

/// Pages, aligned; huge: in pages of 2 MB where the system gives them.
class PageMemory
{
  public:
    PageMemory() = default;
    PageMemory(std::size_t pages, bool huge);

    std::uint8_t *page(std::size_t i) const { return bytes_.get() + i * kPage; }

    std::size_t count() const { return count_; }

  private:
    struct Free {
        void operator()(std::uint8_t *p) const;
    };

    std::unique_ptr<std::uint8_t, Free> bytes_;
    std::size_t count_ = 0;
};

struct BuildOptions {
    std::string library;            // vector_build.so
    std::string centroids_file;     // read if it is there, else written; empty: neither
    std::size_t lists = 0;          // 0: chosen from the number of rows
    double spill = 0;               // share of rows that go to a second list
    std::string training = "codes"; // or floats, tree: VxBuildApproximation
    int iterations = 10;
    std::size_t train_rows = 128; // per list
    int threads = 2;
    bool huge_pages = false;
};

/// A run of neighbouring groups of one page that belong to one list.
struct Slice {
    std::uint32_t page;
    std::uint32_t first_group;
    std::uint32_t groups;
};

struct List {
    std::uint32_t first_slice;
    std::uint32_t slices;
    std::uint32_t rows;
};

/// Where things are in a page, as page.hpp's scan_layout() has it.
struct Layout {
    std::uint32_t groups_per_page;
    std::uint32_t group_bytes;
    std::uint32_t groups_offset;
    std::uint32_t fine_bytes;
    std::uint32_t fine_per_page;

    std::uint32_t rows_per_page() const
    {
        return groups_per_page * std::uint32_t(vx::kernel::kGroupRows);
    }
};

struct OfflineIndex {
    const Dataset *data = nullptr; // of unit vectors where the distance is the cosine
    vx::kernel::CodeShape shape{};
    Layout layout{};
    std::vector<std::uint64_t> signs;
    std::vector<float> mean; // rotated and scaled
    float scale = 1;
    float scan_kappa = 0, fine_kappa = 0;

    std::size_t list_count = 0;
    std::vector<std::uint8_t> blocks; // all tiles in order; aligned by `tiles`
    std::uint8_t *tiles = nullptr;
    PageMemory centroid_pages;
    std::vector<List> lists;
    std::vector<Slice> slices;
    PageMemory scan_pages;
    PageMemory fine_pages;
    std::vector<std::uint32_t> row_numbers; // by page and slot

    double train_seconds = 0, assign_seconds = 0, encode_seconds = 0;
    double mean_residual2 = 0; // |o - c|^2, not scaled
    std::size_t stored_rows = 0;

    void prepare(const float *vector, float *out) const; // rotate, scale, shift

    std::uint8_t *fine_record(std::size_t slot) const // slot: page * rows_per_page + row
    {
        return fine_pages.page(slot / layout.fine_per_page) + 32 +
               slot % layout.fine_per_page * layout.fine_bytes;
    }

    OfflineIndex() = default;
    OfflineIndex(OfflineIndex &&) = default;
};

/// data must outlive the index.
OfflineIndex build_offline(const Dataset &data, const BuildOptions &options);

} // namespace bench
