// SPDX-License-Identifier: PostgreSQL
//
// The kernels on centroid codes, by instruction set. Items: centroids (add_tiles: with sums that
// are stored once per block), lists wanted (more_lists), pairs of row and centroid (assign_rows);
// for the last also products per second.
#include "centroid_bench.hpp"

#include "kernel/assign.hpp"
#include "kernel/centroid_codes.hpp"
#include "kernel/list_order.hpp"

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace
{

using namespace vx::kernel;

struct Path {
    const char *name;
    Isa isa;
    bool vnni;
};

constexpr Path kPaths[] = {{"scalar", Isa::scalar, false},
                           {"avx2", Isa::avx2, false},
                           {"avx512", Isa::avx512, false},
                           {"avx512vnni", Isa::avx512, true}};

struct Free {
    void operator()(void *p) const { std::free(p); }
};

template <class T> using Aligned = std::unique_ptr<T[], Free>;

template <class T>
Aligned<T>
allocate(std::size_t count)
{
    const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
    return Aligned<T>(static_cast<T *>(std::aligned_alloc(64, bytes)));
}

std::vector<float>
gaussian(std::size_t count)
{
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> x(count);
    for (float &value : x)
        value = normal(random);
    return x;
}

Aligned<std::uint8_t>
random_blocks(std::size_t lists, std::size_t dim)
{
    auto tiles = allocate<std::uint8_t>(centroid_blocks(lists) * tiles_per_block(dim) * kTileBytes);
    clear_centroids(tiles.get(), centroid_blocks(lists), dim);
    const std::vector<float> values = gaussian(lists * dim);
    std::vector<std::int8_t> codes(dim);
    for (std::size_t c = 0; c < lists; c++) {
        CentroidFactors factors;
        factors.scale =
            quantize_centroid(values.data() + c * dim, dim, codes.data(), &factors.norm2);
        put_centroid(c, dim, codes.data(), factors,
                     [&](std::size_t tile) { return tiles.get() + tile * kTileBytes; });
    }
    return tiles;
}

void
add_tiles(benchmark::State &state, const CentroidKernels &kernels, std::size_t dim,
          std::size_t lists)
{
    const auto tiles = random_blocks(lists, dim);
    const auto planes = allocate<std::int8_t>(2 * dim);
    PlaneQuery query;
    make_plane_query(gaussian(dim).data(), dim, planes.get(), planes.get() + dim, &query);
    alignas(64) std::int32_t sums[kBlockCentroids];
    alignas(64) float products[kBlockCentroids];
    for (auto _ : state)
        for (std::size_t block = 0; block < lists / kBlockCentroids; block++) {
            const std::uint8_t *first = tiles.get() + block * tiles_per_block(dim) * kTileBytes;
            std::fill(sums, sums + kBlockCentroids, 0);
            kernels.add_tiles(query, first + kFactorTiles * kTileBytes, dim / 4, 0, sums);
            kernels.finish_products(query, sums, reinterpret_cast<const float *>(first), products);
            benchmark::DoNotOptimize(products);
        }
    state.SetItemsProcessed(std::int64_t(state.iterations()) * std::int64_t(lists));
}

void
order_lists(benchmark::State &state, MoreLists more, std::size_t lists, std::uint32_t wanted)
{
    constexpr std::size_t kQueries = 16; // branches must not be learnt
    std::vector<float> distances = gaussian(kQueries * lists);
    for (float &x : distances)
        x = 100 + 10 * x;
    std::vector<std::uint32_t> order(lists);
    std::size_t query = 0;
    for (auto _ : state) {
        ListOrder out;
        begin_list_order(distances.data() + query++ % kQueries * lists, std::uint32_t(lists),
                         order.data(), &out);
        benchmark::DoNotOptimize(more(&out, wanted));
    }
}

void
assign(benchmark::State &state, AssignRows kernel, std::size_t dim, std::size_t lists,
       std::size_t nearest)
{
    constexpr std::size_t kRows = 1920;
    const auto tiles = random_blocks(lists, dim);
    const std::vector<float> rows = gaussian(kRows * dim);
    const auto workspace = allocate<std::uint8_t>(assign_workspace(dim));
    std::vector<std::int32_t> found(kRows * nearest);
    for (auto _ : state) {
        kernel(rows.data(), kRows, dim, tiles.get(), lists, nearest, workspace.get(), found.data(),
               nullptr);
        benchmark::DoNotOptimize(found.data());
    }
    const auto pairs = std::int64_t(state.iterations()) * std::int64_t(kRows * lists);
    state.counters["products"] =
        benchmark::Counter(double(pairs) * double(dim), benchmark::Counter::kIsRate);
    state.SetItemsProcessed(pairs);
}

void
add_path(const Path &path)
{
    const auto name = [&](const std::string &kernel, std::size_t dim, std::size_t lists) {
        return kernel + "/" + path.name + "/" + std::to_string(dim) + "/" + std::to_string(lists);
    };
    const CentroidKernels &kernels = *centroid_kernels_for(path.isa, path.vnni);
    const AssignRows rows = assign_rows_for(path.isa, path.vnni);
    for (auto [dim, lists] : {std::pair(128, 4096), std::pair(384, 1408)}) {
        benchmark::RegisterBenchmark(
            name("add_tiles", std::size_t(dim), std::size_t(lists)).c_str(),
            [&kernels, d = std::size_t(dim), n = std::size_t(lists)](benchmark::State &state) {
                add_tiles(state, kernels, d, n);
            });
        for (std::size_t nearest : {1, 2})
            benchmark::RegisterBenchmark(
                (name("assign_rows", std::size_t(dim), std::size_t(lists)) +
                 "/nearest:" + std::to_string(nearest))
                    .c_str(),
                [rows, d = std::size_t(dim), n = std::size_t(lists),
                 nearest](benchmark::State &state) { assign(state, rows, d, n, nearest); })
                ->Unit(benchmark::kMillisecond);
    }
    if (path.vnni)
        return;
    const MoreLists more = more_lists_for(path.isa);
    for (std::size_t lists : {1000, 4000, 8000, 16000})
        for (std::uint32_t wanted : {16, 100, 400})
            benchmark::RegisterBenchmark(
                (name("more_lists", lists, wanted)).c_str(),
                [=](benchmark::State &state) { order_lists(state, more, lists, wanted); });
}

} // namespace

void
add_centroid_benchmarks()
{
    for (const Path &path : kPaths)
        if (centroid_kernels_for(path.isa, path.vnni) != nullptr)
            add_path(path);
}
