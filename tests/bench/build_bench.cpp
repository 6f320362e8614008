// SPDX-License-Identifier: PostgreSQL
//
// What vector_build.so takes to train and to assign, in the caller's seconds.
//
//   OPENBLAS_NUM_THREADS=1 vecmesh_build_bench VECTOR_BUILD.SO [dim [lists [train_rows
//   [assign_rows]]]]
//   OPENBLAS_NUM_THREADS=1 vecmesh_build_bench VECTOR_BUILD.SO --file ROWS dim [lists
//   [rows_per_list [iterations]]]
//
// Beside it, what faiss::IndexFlat takes to assign a tenth of the rows; its BLAS has as many
// threads as OPENBLAS_NUM_THREADS says. The rows are random around as many centres as there are
// lists; the seconds depend little on them.
//
// With a file (numpy's .npy of float32, or float32 alone): training on floats and on codes over a
// sample of it, and the mean squared distance of all its rows to the nearest centroid.
#include "build/build_api.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <faiss/IndexFlat.h>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <vector>

namespace
{

std::vector<float>
clustered_rows(std::size_t rows, std::size_t dim, std::size_t centres)
{
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> centre(centres * dim);
    for (float &x : centre)
        x = 3 * normal(random);
    std::vector<float> noise(1 << 16);
    for (float &x : noise)
        x = normal(random);
    std::vector<float> result(rows * dim);
    for (std::size_t r = 0; r < rows; r++) {
        const std::size_t c = random() % centres;
        const std::size_t shift = random() % (noise.size() - 1);
        for (std::size_t i = 0; i < dim; i++)
            result[r * dim + i] = centre[c * dim + i] + noise[(shift + i) % noise.size()];
    }
    return result;
}

/// Seconds on the clock, and seconds of processor time of all threads: equal to the former times
/// the threads on an idle machine, the better figure on a busy one.
struct Seconds {
    double wall;
    double cpu;
};

template <class Body>
Seconds
seconds(Body &&body)
{
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    body();
    return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
            double(std::clock() - cpu) / CLOCKS_PER_SEC};
}

void
report(const char *what, std::size_t rows, const Seconds &time, double gigaflops)
{
    std::printf("  %s %zu rows: %.2f s, %.2f s of processor time (%.0f GFLOP/s of it)\n", what,
                rows, time.wall, time.cpu, gigaflops / time.cpu);
}

void
check(VxBuildStatus status, const char *error)
{
    if (status == VX_BUILD_OK)
        return;
    std::fprintf(stderr, "status %d: %s\n", int(status), error);
    std::exit(1);
}

void
measure(const VxBuildApi &api, std::size_t dim, std::size_t lists, std::size_t train_rows,
        std::size_t assign_rows)
{
    const std::vector<float> rows = clustered_rows(std::max(train_rows, assign_rows), dim, lists);
    std::vector<float> centroids(lists * dim);
    std::vector<std::int32_t> assigned(assign_rows);
    constexpr int kIterations = 10;
    std::printf("dim %zu, %zu lists\n", dim, lists);
    for (int threads : {1, 2}) {
        VxTrainRequest train{};
        train.rows = rows.data();
        train.row_count = std::int64_t(train_rows);
        train.dim = std::int32_t(dim);
        train.list_count = std::int32_t(lists);
        train.iterations = kIterations;
        train.seed = 1;
        train.threads = threads;
        train.centroids = centroids.data();
        const Seconds train_time = seconds([&] { check(api.train(&train), train.error); });

        VxAssignRequest assign{};
        assign.rows = rows.data();
        assign.row_count = std::int64_t(assign_rows);
        assign.dim = train.dim;
        assign.centroids = centroids.data();
        assign.list_count = train.list_count;
        assign.threads = threads;
        assign.lists = assigned.data();
        const Seconds assign_time = seconds([&] { check(api.assign(&assign), assign.error); });

        const double work = 2e-9 * double(dim) * double(lists);
        std::printf("threads %d\n", threads);
        report("train, 10 iterations,", train_rows, train_time,
               work * double(train_rows) * kIterations);
        report("assign", assign_rows, assign_time, work * double(assign_rows));
    }
}

void
measure_faiss(std::size_t dim, std::size_t lists, std::size_t rows)
{
    const std::vector<float> x = clustered_rows(rows, dim, lists);
    faiss::IndexFlatL2 index{faiss::Index::idx_t(dim)};
    index.add(faiss::Index::idx_t(lists), x.data());
    std::vector<float> distances(rows);
    std::vector<faiss::Index::idx_t> labels(rows);
    const Seconds time = seconds([&] {
        index.search(faiss::Index::idx_t(rows), x.data(), 1, distances.data(), labels.data());
    });
    report("faiss::IndexFlatL2: assign", rows, time,
           2e-9 * double(dim) * double(lists) * double(rows));
}

/// Rows of float32, behind numpy's header if there is one.
std::vector<float>
read_rows(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    std::size_t header = 0;
    if (bytes.size() >= 10 && std::memcmp(bytes.data(), "\x93NUMPY", 6) == 0)
        header =
            10 + std::size_t(std::uint8_t(bytes[8])) + 256 * std::size_t(std::uint8_t(bytes[9]));
    std::vector<float> rows((bytes.size() - header) / sizeof(float));
    std::memcpy(rows.data(), bytes.data() + header, rows.size() * sizeof(float));
    return rows;
}

std::vector<float>
sample_rows(const std::vector<float> &rows, std::size_t dim, std::size_t count)
{
    std::vector<std::size_t> order(rows.size() / dim);
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    order.resize(std::min(count, order.size()));
    std::vector<float> sample;
    sample.reserve(order.size() * dim);
    for (std::size_t r : order)
        sample.insert(sample.end(), &rows[r * dim], &rows[r * dim] + dim);
    return sample;
}

/// Mean squared distance of the rows to their nearest centroid, found with floats.
double
residual(const VxBuildApi &api, const std::vector<float> &rows, std::size_t dim,
         const std::vector<float> &centroids)
{
    std::vector<std::int32_t> lists(rows.size() / dim);
    VxAssignRequest request{};
    request.rows = rows.data();
    request.row_count = std::int64_t(lists.size());
    request.dim = std::int32_t(dim);
    request.centroids = centroids.data();
    request.list_count = std::int32_t(centroids.size() / dim);
    request.threads = 2;
    request.lists = lists.data();
    check(api.assign(&request), request.error);
    double sum = 0;
    for (std::size_t r = 0; r < lists.size(); r++)
        for (std::size_t i = 0; i < dim; i++) {
            const float difference = rows[r * dim + i] - centroids[std::size_t(lists[r]) * dim + i];
            sum += double(difference * difference);
        }
    return sum / double(lists.size());
}

void
measure_file(const VxBuildApi &api, const std::vector<float> &rows, std::size_t dim,
             std::size_t lists, std::size_t rows_per_list, std::size_t iterations)
{
    const std::vector<float> sample = sample_rows(rows, dim, lists * rows_per_list);
    std::vector<float> centroids(lists * dim);
    constexpr const char *kNames[] = {"floats", "codes", "codes from a tree"};
    for (int approximate : {VX_BUILD_CODES, VX_BUILD_CODES_FROM_TREE, VX_BUILD_FLOATS})
        for (int threads : {1, 2}) {
            VxTrainRequest train{};
            train.rows = sample.data();
            train.row_count = std::int64_t(sample.size() / dim);
            train.dim = std::int32_t(dim);
            train.list_count = std::int32_t(lists);
            train.iterations = std::int32_t(iterations);
            train.seed = 1;
            train.approximate = approximate;
            train.threads = threads;
            train.centroids = centroids.data();
            const Seconds time = seconds([&] { check(api.train(&train), train.error); });
            std::printf("%zu rows, %zu lists, %s, threads %d: %.2f s, %.2f s of processor time", //
                        sample.size() / dim, lists, kNames[approximate], threads, time.wall,
                        time.cpu);
            if (threads == 1)
                std::printf(", mean squared distance %.4f", residual(api, rows, dim, centroids));
            std::printf("\n");
        }
}

std::size_t
argument(int argc, char **argv, int i, std::size_t otherwise)
{
    return i < argc ? std::strtoull(argv[i], nullptr, 10) : otherwise;
}

} // namespace

int
main(int argc, char **argv)
{
    if (argc < 2) {
        std::fprintf(
            stderr,
            "usage: %s vector_build.so [dim [lists [train_rows [assign_rows]]]]\n"
            "       %s vector_build.so --file ROWS dim [lists [rows_per_list [iterations]]]\n",
            argv[0], argv[0]);
        return 2;
    }
    void *library = dlopen(argv[1], RTLD_NOW);
    void *symbol = library != nullptr ? dlsym(library, "vx_build_api") : nullptr;
    if (symbol == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const VxBuildApi &api = *reinterpret_cast<VxBuildApiFunction>(symbol)();
    if (argc > 4 && std::strcmp(argv[2], "--file") == 0) {
        measure_file(api, read_rows(argv[3]), argument(argc, argv, 4, 128),
                     argument(argc, argv, 5, 1000), argument(argc, argv, 6, 64),
                     argument(argc, argv, 7, 10));
        return 0;
    }
    const std::size_t dim = argument(argc, argv, 2, 128);
    const std::size_t lists = argument(argc, argv, 3, 1000);
    const std::size_t assign_rows = argument(argc, argv, 5, 1000000);
    measure(api, dim, lists, argument(argc, argv, 4, 50000), assign_rows);
    measure_faiss(dim, lists, assign_rows / 10);
    return 0;
}
