// SPDX-License-Identifier: PostgreSQL
//
// RaBitQ codes: what scanning, refining, encoding and preparing a query cost. Items are rows (or
// queries). Names: kernel/path/dimension/set. Scan sets: "L2" 256 kB of pages, again and again;
// "DRAM" 256 MB of pages in random order, "ahead" the same with the next page fetched meanwhile;
// each as a scan meets it, all groups of a page in one call. About one row in a hundred survives.
#include "rabitq_bench.hpp"

#include "kernel/coding.hpp"
#include "kernel/rabitq_tables.hpp"
#include "kernel/rotation.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace
{

using namespace vx::kernel;

constexpr std::size_t kDimensions[] = {128, 384, 768};
constexpr std::size_t kPage = 8192;
constexpr std::size_t kMemory = 256u << 20;

/// Random bytes, aligned to pages, filled once.
std::uint8_t *
memory()
{
    static std::uint8_t *bytes = [] {
        auto *p = static_cast<std::uint8_t *>(std::aligned_alloc(kPage, kMemory));
        std::mt19937_64 random(1);
        for (std::size_t i = 0; i < kMemory; i += 8) {
            const std::uint64_t word = random();
            std::memcpy(p + i, &word, 8);
        }
        return p;
    }();
    return bytes;
}

template <class T>
T *
aligned(std::size_t count)
{
    return static_cast<T *>(std::aligned_alloc(64, (count * sizeof(T) + 63) / 64 * 64));
}

std::vector<float>
normal_vector(std::size_t n, unsigned seed)
{
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> x(n);
    for (float &value : x)
        value = normal(random);
    return x;
}

struct Prepared {
    explicit Prepared(const CodeShape &code_shape)
        : shape(code_shape), vector(normal_vector(shape.padded, 3)),
          lut(aligned<std::uint8_t>(4 * shape.scan_dimensions)),
          q8(aligned<std::int8_t>(shape.padded))
    {
        make_scan_query(shape, vector.data(), lut, &scan);
        make_fine_query(shape, vector.data(), q8, &fine);
    }

    ~Prepared()
    {
        std::free(lut);
        std::free(q8);
    }

    Prepared(const Prepared &) = delete;

    CodeShape shape;
    std::vector<float> vector;
    std::uint8_t *lut;
    std::int8_t *q8;
    ScanQuery scan;
    FineQuery fine;
};

/// The run of groups on a page; factors of ordinary rows.
GroupRun
page_run(const CodeShape &shape, std::size_t page)
{
    const auto codes = std::uint32_t(group_code_bytes(shape));
    const std::uint32_t stride = codes + 128;
    return {memory() + page * kPage, stride, codes, codes + 64,
            std::uint32_t((kPage - 1024) / stride)};
}

void
write_factors(const CodeShape &shape, std::size_t pages)
{
    const std::uint16_t add = half_from_float(64);
    const std::uint16_t rescale = half_from_float(-40 / __builtin_sqrtf(float(shape.padded)));
    for (std::size_t page = 0; page < pages; page++) {
        const GroupRun run = page_run(shape, page);
        for (std::uint32_t i = 0; i < run.count * 32; i++) {
            auto *group = const_cast<std::uint8_t *>(run.codes) + i / 32 * run.stride;
            std::memcpy(group + run.add_offset + i % 32 * 2, &add, 2);
            std::memcpy(group + run.rescale_offset + i % 32 * 2, &rescale, 2);
        }
    }
}

/// The bound that one row in `part` is below.
float
threshold_for(const RabitqKernels &kernels, const Prepared &query, std::size_t part)
{
    std::vector<float> lower;
    for (std::size_t page = 0; page < 32; page++) {
        Survivor out[32 * 16];
        const std::uint32_t n = kernels.scan_groups(query.scan, page_run(query.shape, page),
                                                    nullptr, 100, 4, 1e30f, out);
        for (std::uint32_t i = 0; i < n; i++)
            lower.push_back(out[i].lower);
    }
    std::sort(lower.begin(), lower.end());
    return lower[lower.size() / part];
}

struct ScanSet {
    const char *name;
    std::size_t bytes;
    bool ahead;
};

constexpr ScanSet kScanSets[] = {
    {"L2", 256u << 10, false}, {"DRAM", kMemory, false}, {"ahead", kMemory, true}};

/// The run of order[i], with what a search knows of the runs to come.
GroupRun
run_of(const CodeShape &shape, const std::vector<std::uint32_t> &order, std::size_t i, bool ahead)
{
    GroupRun run = page_run(shape, order[i]);
    if (ahead && i + 2 < order.size()) {
        run.next = page_run(shape, order[i + 1]).codes;
        run.next_groups = run.count;
        for (std::size_t at = 0; at < kPage;
             at += 4096) // what the processor must know of it to fetch
            __builtin_prefetch(page_run(shape, order[i + 2]).codes + at, 0, 2);
    }
    return run;
}

void
scan(benchmark::State &state, const RabitqKernels &kernels, std::size_t dim, const ScanSet &set)
{
    const Prepared query(code_shape(dim));
    const std::size_t pages = set.bytes / kPage;
    write_factors(query.shape, pages);
    const float threshold = threshold_for(kernels, query, 100);
    std::vector<std::uint32_t> order(pages);
    for (std::size_t i = 0; i < pages; i++)
        order[i] = std::uint32_t(i);
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    Survivor out[32 * 16];
    for (auto _ : state)
        for (std::size_t i = 0; i < pages; i++)
            benchmark::DoNotOptimize(kernels.scan_groups(query.scan,
                                                         run_of(query.shape, order, i, set.ahead),
                                                         nullptr, 100, 4, threshold, out));
    const GroupRun run = page_run(query.shape, 0);
    state.SetItemsProcessed(std::int64_t(state.iterations() * pages * run.count * 32));
    state.SetBytesProcessed(std::int64_t(state.iterations() * pages * run.count * run.stride));
}

/// Records that are in a cache: fetching them is the caller's part.
void
refine(benchmark::State &state, const RabitqKernels &kernels, std::size_t dim)
{
    const Prepared query(code_shape(dim));
    constexpr std::size_t kCount = 24;
    const std::uint8_t *records[kCount];
    for (std::size_t i = 0; i < kCount; i++)
        records[i] = memory() + i * (fine_code_bytes(query.shape) + 8);
    std::int32_t dots[kCount];
    for (auto _ : state) {
        kernels.fine_dots(query.fine, records, kCount, dots);
        benchmark::DoNotOptimize(dots);
    }
    state.SetItemsProcessed(std::int64_t(state.iterations() * kCount));
}

void
rotate_one(benchmark::State &state, const CodingKernels &kernels, std::size_t dim)
{
    std::vector<std::uint64_t> signs(rotation_words(dim));
    make_rotation(1, dim, signs.data());
    const std::vector<float> in = normal_vector(dim, 3);
    std::vector<float> out(dim);
    for (auto _ : state) {
        kernels.rotate(in.data(), dim, signs.data(), dim, 1, out.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

void
prepare_scan(benchmark::State &state, const CodingKernels &kernels, std::size_t dim)
{
    Prepared query(code_shape(dim));
    for (auto _ : state) {
        make_scan_query_with(kernels, query.shape, query.vector.data(), query.lut, &query.scan);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

void
prepare_fine(benchmark::State &state, const CodingKernels &kernels, std::size_t dim)
{
    Prepared query(code_shape(dim));
    for (auto _ : state) {
        make_fine_query_with(kernels, query.shape, query.vector.data(), query.q8, &query.fine);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

void
encode_row(benchmark::State &state, const CodingKernels &kernels, std::size_t dim)
{
    const CodeShape shape = code_shape(dim);
    const std::vector<float> row = normal_vector(dim, 3);
    const std::vector<float> centre = normal_vector(dim, 4);
    std::vector<std::uint8_t> bits(scan_code_bytes(shape));
    std::vector<std::uint8_t> fine(fine_code_bytes(shape));
    CodeFactors factors;
    for (auto _ : state) {
        encode_with(kernels, shape, CodeMetric::l2, row.data(), centre.data(), bits.data(),
                    fine.data(), &factors);
        benchmark::DoNotOptimize(factors);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

template <class Body>
void
add(const std::string &name, const Body &body)
{
    benchmark::RegisterBenchmark(name.c_str(), body)->MinTime(0.1);
}

void
add_rabitq(const char *path, const RabitqKernels &kernels, std::size_t dim)
{
    const std::string rest = std::string("/") + path + "/" + std::to_string(dim);
    for (const ScanSet &set : kScanSets)
        add("scan_groups" + rest + "/" + set.name,
            [&kernels, dim, &set](benchmark::State &state) { scan(state, kernels, dim, set); });
    add("fine_dots" + rest,
        [&kernels, dim](benchmark::State &state) { refine(state, kernels, dim); });
}

void
add_coding(const CodingKernels &kernels, std::size_t dim)
{
    const std::string rest = std::string("/") + isa_name(kernels.isa) + "/" + std::to_string(dim);
    const auto with = [&kernels, dim](auto function) {
        return
            [&kernels, dim, function](benchmark::State &state) { function(state, kernels, dim); };
    };
    add("rotate" + rest, with(rotate_one));
    add("make_scan_query" + rest, with(prepare_scan));
    add("make_fine_query" + rest, with(prepare_fine));
    add("encode" + rest, with(encode_row));
}

} // namespace

void
add_rabitq_benchmarks()
{
    const RabitqKernels *best = rabitq_kernels_for(Isa::avx512);
    for (const std::size_t dim : kDimensions)
        for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
            if (rabitq_kernels_for(isa) == nullptr)
                continue;
            add_rabitq(isa_name(isa),
                       isa == Isa::avx512 ? kAvx512RabitqKernels : *rabitq_kernels_for(isa), dim);
            if (isa == Isa::avx512 && best != &kAvx512RabitqKernels)
                add_rabitq("vbmi", *best, dim);
            add_coding(*coding_kernels_for(isa), dim);
        }
}
