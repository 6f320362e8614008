// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/offline_index.hpp"

#include "bench/ann/clock.hpp"
#include "bench/ann/offline_encode.hpp"
#include "bench/ann/offline_train.hpp"
#include "kernel/assign.hpp"
#include "kernel/rotation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace bench
{

namespace k = vx::kernel;

PageMemory::PageMemory(std::size_t pages, bool huge) : count_(pages)
{
    constexpr std::size_t kHuge = 2u << 20;
    const std::size_t bytes = (std::max<std::size_t>(pages, 1) * kPage + kHuge - 1) / kHuge * kHuge;
    void *memory = std::aligned_alloc(kHuge, bytes);
    if (memory == nullptr)
        throw std::bad_alloc();
    madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    std::memset(memory, 0, bytes);
    bytes_.reset(static_cast<std::uint8_t *>(memory));
}

void
PageMemory::Free::operator()(std::uint8_t *p) const
{
    std::free(p);
}

void
OfflineIndex::prepare(const float *vector, float *out) const
{
    k::rotate(vector, data->dim, signs.data(), shape.padded, scale, out);
    for (std::size_t i = 0; i < shape.padded; i++)
        out[i] -= mean[i];
}

namespace
{

constexpr std::size_t kContentEnd = 8176;

Layout
scan_layout(const k::CodeShape &shape)
{
    constexpr std::size_t kSlicesOffset = 40, kSliceBytes = 28, kTidBytes = 6, kLine = 64;
    const auto line_up = [](std::size_t n) { return (n + kLine - 1) / kLine * kLine; };
    const std::size_t group = line_up(k::group_code_bytes(shape) + k::kGroupRows * 4);
    std::size_t groups = kPage / group;
    const auto start = [&] {
        return line_up(kSlicesOffset + groups * (kSliceBytes + k::kGroupRows * kTidBytes));
    };
    while (start() + groups * group > kContentEnd)
        groups--;
    const std::size_t fine = 8 + k::fine_code_bytes(shape);
    return {std::uint32_t(groups), std::uint32_t(group), std::uint32_t(start()),
            std::uint32_t(fine), std::uint32_t((kContentEnd - 32) / fine)};
}

/// Centroids as codes: in one piece for assign_rows(), and in pages as a search finds them.
void
store_centroids(OfflineIndex *index, const std::vector<float> &centroids, bool huge)
{
    const std::size_t padded = index->shape.padded;
    const std::size_t block_tiles = k::tiles_per_block(padded);
    const std::size_t count = (index->list_count + k::kBlockCentroids - 1) / k::kBlockCentroids;
    index->blocks.assign(count * block_tiles * k::kTileBytes + 64, 0);
    auto address = reinterpret_cast<std::uintptr_t>(index->blocks.data());
    index->tiles = index->blocks.data() + (64 - address % 64) % 64;
    std::vector<std::int8_t> codes(padded);
    for (std::size_t i = 0; i < count * k::kBlockCentroids; i++) {
        std::uint8_t *block = index->tiles + i / k::kBlockCentroids * block_tiles * k::kTileBytes;
        const std::size_t place = i % k::kBlockCentroids;
        float scale = 0, norm2 = INFINITY;
        if (i < index->list_count) {
            scale =
                k::quantize_centroid(centroids.data() + i * padded, padded, codes.data(), &norm2);
            for (std::size_t d = 0; d < padded; d++)
                block[(k::kFactorTiles + d / 4) * k::kTileBytes + place * 4 + d % 4] =
                    std::uint8_t(codes[d] + 128);
        }
        std::memcpy(block + 4 * place, &scale, 4);
        std::memcpy(block + k::kTileBytes + 4 * place, &norm2, 4);
    }
    const std::size_t tiles = count * block_tiles;
    index->centroid_pages = PageMemory((tiles + kTilesPerPage - 1) / kTilesPerPage, huge);
    for (std::size_t t = 0; t < tiles; t++)
        std::memcpy(index->centroid_pages.page(t / kTilesPerPage) + kTilesOffset +
                        t % kTilesPerPage * k::kTileBytes,
                    index->tiles + t * k::kTileBytes, k::kTileBytes);
}

/// The nearest and the second nearest list of every row; second -1 for rows that are not spilled.
struct Assignment {
    std::vector<std::int32_t> first, second;
};

Assignment
assign_all(const OfflineIndex &index, const BuildOptions &options, double *residual2)
{
    constexpr std::size_t kBatch = 256;
    const std::size_t rows = index.data->row_count(), padded = index.shape.padded;
    const std::size_t nearest = options.spill > 0 ? 2 : 1;
    Assignment result{std::vector<std::int32_t>(rows), std::vector<std::int32_t>(rows, -1)};
    std::vector<float> ratio(nearest == 2 ? rows : 0), first_distance(rows);
    parallel(rows, options.threads, [&](std::size_t first, std::size_t last) {
        std::vector<float> batch(kBatch * padded), distances(kBatch * nearest);
        std::vector<std::int32_t> lists(kBatch * nearest);
        PageMemory workspace(k::assign_workspace(padded) / kPage + 1, false);
        for (std::size_t r = first; r < last; r += kBatch) {
            const std::size_t count = std::min(kBatch, last - r);
            for (std::size_t i = 0; i < count; i++)
                index.prepare(index.data->row(r + i), batch.data() + i * padded);
            k::assign_rows(batch.data(), count, padded, index.tiles, index.list_count, nearest,
                           workspace.page(0), lists.data(), distances.data());
            for (std::size_t i = 0; i < count; i++) {
                result.first[r + i] = lists[i * nearest];
                first_distance[r + i] = distances[i * nearest];
                if (nearest == 2) {
                    result.second[r + i] = lists[i * nearest + 1];
                    ratio[r + i] = distances[i * nearest + 1] / distances[i * nearest];
                }
            }
        }
    });
    double sum = 0;
    for (float d : first_distance)
        sum += d;
    *residual2 = sum / double(rows) / (double(index.scale) * index.scale);
    if (nearest == 2) { // those that lie nearest to the border of the two lists
        std::vector<float> sorted = ratio;
        const auto at = std::size_t(options.spill * double(rows - 1));
        std::nth_element(sorted.begin(), sorted.begin() + std::ptrdiff_t(at), sorted.end());
        for (std::size_t r = 0; r < rows; r++)
            if (!(ratio[r] <= sorted[at]))
                result.second[r] = -1;
    }
    return result;
}

Members
collect_members(const Assignment &assignment, std::size_t lists)
{
    Members members;
    members.starts.assign(lists + 1, 0);
    for (const auto *numbers : {&assignment.first, &assignment.second})
        for (std::int32_t list : *numbers)
            if (list >= 0)
                members.starts[std::size_t(list) + 1]++;
    for (std::size_t l = 0; l < lists; l++)
        members.starts[l + 1] += members.starts[l];
    members.rows.resize(members.starts[lists]);
    std::vector<std::size_t> next(members.starts.begin(), members.starts.end() - 1);
    for (std::size_t r = 0; r < assignment.first.size(); r++)
        for (std::int32_t list : {assignment.first[r], assignment.second[r]})
            if (list >= 0)
                members.rows[next[std::size_t(list)]++] = std::uint32_t(r);
    return members;
}

/// Gives every list its groups, one list after the other, short lists sharing pages.
void
lay_out(OfflineIndex *index, const Members &members, bool huge)
{
    const Layout &layout = index->layout;
    std::size_t group = 0; // of the whole sequence
    for (std::size_t l = 0; l < index->list_count; l++) {
        const std::size_t rows = members.starts[l + 1] - members.starts[l];
        std::size_t wanted = (rows + k::kGroupRows - 1) / k::kGroupRows;
        List list{std::uint32_t(index->slices.size()), 0, std::uint32_t(rows)};
        for (; wanted > 0; list.slices++) {
            const std::size_t at = group % layout.groups_per_page;
            const std::size_t taken = std::min(wanted, layout.groups_per_page - at);
            index->slices.push_back({std::uint32_t(group / layout.groups_per_page),
                                     std::uint32_t(at), std::uint32_t(taken)});
            group += taken;
            wanted -= taken;
        }
        index->lists.push_back(list);
    }
    index->scan_pages = PageMemory(group / layout.groups_per_page + 1, huge);
    const std::size_t slots = index->scan_pages.count() * layout.rows_per_page();
    index->fine_pages = PageMemory(slots / layout.fine_per_page + 1, huge);
    index->row_numbers.assign(slots, 0);
    index->stored_rows = members.rows.size();
}

} // namespace

OfflineIndex
build_offline(const Dataset &data, const BuildOptions &options)
{
    OfflineIndex index;
    index.data = &data;
    index.shape = k::code_shape(k::padded_dimensions(data.dim));
    index.layout = scan_layout(index.shape);
    const std::vector<float> centroids = train_offline(&index, options);
    store_centroids(&index, centroids, options.huge_pages);

    auto start = Clock::now();
    const Assignment assignment = assign_all(index, options, &index.mean_residual2);
    index.assign_seconds = seconds_since(start);

    start = Clock::now();
    const Members members = collect_members(assignment, index.list_count);
    lay_out(&index, members, options.huge_pages);
    encode_offline(&index, members, options.threads);
    index.encode_seconds = seconds_since(start);
    return index;
}

} // namespace bench
