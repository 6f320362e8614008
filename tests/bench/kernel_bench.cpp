// SPDX-License-Identifier: PostgreSQL
//
// What the kernels read per second, by instruction set, dimension and size of the set of rows,
// beside what this machine's memory delivers to a loop that only adds up what it reads.
//
//   vecmesh_kernel_bench [--benchmark_filter=l2_squared_batch/avx512]
//
// Names: kernel/instruction set/dimension/set. The sets: "L1" 16 kB, "L2" 256 kB, "DRAM" 512 MB of
// rows. Only the rows count as read; the query stays in the first-level cache.
#include "centroid_bench.hpp"
#include "kernel/distance.hpp"
#include "rabitq_bench.hpp"

#include <benchmark/benchmark.h>
#include <cstdint>
#include <string>
#include <vector>

namespace
{

using vx::kernel::distance_kernels_for;
using vx::kernel::DistanceKernels;
using vx::kernel::Isa;
using vx::kernel::isa_name;

struct Set {
    const char *name;
    std::size_t bytes;
};

constexpr Set kSets[] = {{"L1", 16u << 10}, {"L2", 256u << 10}, {"DRAM", 512u << 20}};
constexpr std::size_t kDimensions[] = {128, 384, 768, 1536};

/// One array for all benchmarks, filled once: page faults are not what is measured.
const float *
memory()
{
    static const std::vector<float> *floats = [] {
        auto *v = new std::vector<float>(kSets[2].bytes / sizeof(float) + 16);
        std::uint32_t x = 1;
        for (float &f : *v) {
            x = x * 1664525 + 1013904223;
            f = float(x >> 8) * 0x1p-24f - 0.5f;
        }
        return v;
    }();
    return floats->data();
}

/// Runs body(query, rows, count) over the whole set, again and again.
template <class Body>
void
sweep(benchmark::State &state, std::size_t dim, std::size_t bytes, Body &&body)
{
    const std::vector<float> query(memory(), memory() + dim);
    const std::size_t count = bytes / (dim * sizeof(float));
    for (auto _ : state)
        body(query.data(), memory(), count);
    const auto read = std::int64_t(count * dim * sizeof(float));
    state.SetBytesProcessed(std::int64_t(state.iterations()) * read);
    state.SetItemsProcessed(std::int64_t(state.iterations()) * std::int64_t(count));
}

template <class Add>
void
add(const std::string &kernel, Isa isa, std::size_t dim, const Set &set, Add &&body)
{
    const std::string name =
        kernel + "/" + isa_name(isa) + "/" + std::to_string(dim) + "/" + set.name;
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State &state) {
        sweep(state, dim, set.bytes, body);
    })->MinTime(set.bytes > (64u << 20) ? 0.5 : 0.1);
}

using PairKernel = float (*)(const float *, const float *, std::size_t) noexcept;
using BatchKernel = void (*)(const float *, const float *, std::size_t, std::size_t, std::size_t,
                             float *) noexcept;

void
add_pair(const char *name, Isa isa, std::size_t dim, const Set &set, PairKernel kernel)
{
    add(name, isa, dim, set, [=](const float *query, const float *rows, std::size_t count) {
        for (std::size_t i = 0; i < count; i++)
            benchmark::DoNotOptimize(kernel(query, rows + i * dim, dim));
    });
}

void
add_batch(const char *name, Isa isa, std::size_t dim, const Set &set, BatchKernel kernel)
{
    add(name, isa, dim, set, [=](const float *query, const float *rows, std::size_t count) {
        float out[64]; // as many rows as a page of an index holds, or so
        for (std::size_t i = 0; i < count; i += 64) {
            kernel(query, rows + i * dim, dim, count - i < 64 ? count - i : 64, dim, out);
            benchmark::DoNotOptimize(out);
            benchmark::ClobberMemory();
        }
    });
}

void
add_all(const DistanceKernels &k, std::size_t dim, const Set &set)
{
    add_pair("l2_squared", k.isa, dim, set, k.l2_squared);
    add_pair("inner_product", k.isa, dim, set, k.inner_product);
    add_pair("l1", k.isa, dim, set, k.l1);
    add("cosine_terms", k.isa, dim, set,
        [&k, dim](const float *query, const float *rows, std::size_t count) {
            for (std::size_t i = 0; i < count; i++)
                benchmark::DoNotOptimize(k.cosine_terms(query, rows + i * dim, dim));
        });
    add("l2_norm", k.isa, dim, set, [&k, dim](const float *, const float *rows, std::size_t count) {
        for (std::size_t i = 0; i < count; i++)
            benchmark::DoNotOptimize(k.l2_norm(rows + i * dim, dim));
    });
    add_batch("l2_squared_batch", k.isa, dim, set, k.l2_squared_batch);
    add_batch("inner_product_batch", k.isa, dim, set, k.inner_product_batch);
}

/// Reads the set and adds it up in integers, four sums: waits for nothing but the memory.
void
memory_read(benchmark::State &state)
{
    typedef std::uint64_t Word __attribute__((vector_size(16), aligned(4)));
    const auto *words = reinterpret_cast<const Word *>(memory());
    const std::size_t bytes = kSets[2].bytes;
    for (auto _ : state) {
        Word sums[4] = {};
        for (std::size_t i = 0; i < bytes / sizeof(Word); i += 4)
            for (std::size_t j = 0; j < 4; j++)
                sums[j] += words[i + j];
        benchmark::DoNotOptimize(sums);
    }
    state.SetBytesProcessed(std::int64_t(state.iterations()) * std::int64_t(bytes));
}

} // namespace

int
main(int argc, char **argv)
{
    benchmark::RegisterBenchmark("memory_read", memory_read)->MinTime(1);
    for (const Set &set : kSets)
        for (std::size_t dim : kDimensions)
            for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512})
                if (const DistanceKernels *kernels = distance_kernels_for(isa))
                    add_all(*kernels, dim, set);
    add_centroid_benchmarks();
    add_rabitq_benchmarks();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
