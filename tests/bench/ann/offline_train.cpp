// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/offline_train.hpp"

#include "bench/ann/clock.hpp"
#include "build/build_api.hpp"
#include "kernel/rotation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <dlfcn.h>
#include <stdexcept>

namespace bench
{

namespace k = vx::kernel;

namespace
{

constexpr std::uint64_t kSeed = 42;
constexpr double kResidualLength = 8; // the scale makes it so: halves hold the factors of such rows

const VxBuildApi &
load_library(const std::string &path)
{
    void *library = dlopen(path.c_str(), RTLD_NOW);
    void *symbol = library != nullptr ? dlsym(library, "vx_build_api") : nullptr;
    if (symbol == nullptr)
        throw std::runtime_error(dlerror());
    return *reinterpret_cast<VxBuildApiFunction>(symbol)();
}

/// Rows evenly from the whole set, rotated.
std::vector<float>
rotated_sample(const OfflineIndex &index, std::size_t wanted)
{
    const std::size_t rows = index.data->row_count(), padded = index.shape.padded;
    const std::size_t count = std::min(rows, wanted);
    std::vector<float> sample(count * padded);
    for (std::size_t i = 0; i < count; i++)
        k::rotate(index.data->row(i * rows / count), index.data->dim, index.signs.data(), padded, 1,
                  sample.data() + i * padded);
    return sample;
}

/// Takes the mean out of the rows and returns it.
std::vector<float>
remove_mean(std::vector<float> *rows, std::size_t padded)
{
    std::vector<double> sum(padded);
    const std::size_t count = rows->size() / padded;
    for (std::size_t i = 0; i < rows->size(); i++)
        sum[i % padded] += (*rows)[i];
    std::vector<float> mean(padded);
    for (std::size_t d = 0; d < padded; d++)
        mean[d] = float(sum[d] / double(count));
    for (std::size_t i = 0; i < rows->size(); i++)
        (*rows)[i] -= mean[i % padded];
    return mean;
}

bool
read_file(const std::string &path, std::vector<float> *floats)
{
    std::FILE *file = path.empty() ? nullptr : std::fopen(path.c_str(), "rb");
    if (file == nullptr)
        return false;
    const std::size_t read = std::fread(floats->data(), sizeof(float), floats->size(), file);
    const bool complete = read == floats->size() && std::fgetc(file) == EOF;
    std::fclose(file);
    if (!complete)
        throw std::runtime_error(path + ": centroids of another index");
    return true;
}

void
write_file(const std::string &path, const std::vector<float> &floats)
{
    std::FILE *file = path.empty() ? nullptr : std::fopen(path.c_str(), "wb");
    if (file == nullptr)
        return;
    std::fwrite(floats.data(), sizeof(float), floats.size(), file);
    std::fclose(file);
}

std::int32_t
approximation(const std::string &name)
{
    if (name == "floats")
        return VX_BUILD_FLOATS;
    if (name == "codes")
        return VX_BUILD_CODES;
    if (name == "tree")
        return VX_BUILD_CODES_FROM_TREE;
    throw std::runtime_error("--training: not floats, codes or tree: " + name);
}

void
run_training(const BuildOptions &options, const std::vector<float> &sample, std::size_t padded,
             std::size_t lists, float *centroids)
{
    VxTrainRequest train{};
    train.rows = sample.data();
    train.row_count = std::int64_t(sample.size() / padded);
    train.dim = std::int32_t(padded);
    train.list_count = std::int32_t(lists);
    train.metric = VX_BUILD_L2;
    train.iterations = options.iterations;
    train.seed = kSeed;
    train.approximate = approximation(options.training);
    train.threads = options.threads;
    train.centroids = centroids;
    if (load_library(options.library).train(&train) != VX_BUILD_OK)
        throw std::runtime_error(std::string("training failed: ") + train.error);
}

/// The root of the mean squared distance of some rows to their nearest centroid.
double
residual_length(const std::vector<float> &sample, const std::vector<float> &centroids,
                std::size_t padded)
{
    constexpr std::size_t kRows = 500;
    const std::size_t count = sample.size() / padded, lists = centroids.size() / padded;
    std::vector<float> distances(lists);
    double sum = 0;
    for (std::size_t i = 0; i < kRows; i++) {
        k::distance_kernels().l2_squared_batch(sample.data() + i * count / kRows * padded,
                                               centroids.data(), padded, lists, padded,
                                               distances.data());
        sum += *std::min_element(distances.begin(), distances.end());
    }
    return std::sqrt(sum / kRows);
}

} // namespace

std::vector<float>
train_offline(OfflineIndex *index, const BuildOptions &options)
{
    const std::size_t padded = index->shape.padded;
    index->signs.resize(k::rotation_words(padded));
    k::make_rotation(kSeed, padded, index->signs.data());
    index->list_count = options.lists != 0
                            ? options.lists
                            : std::max<std::size_t>(
                                  1, std::size_t(4 * std::sqrt(double(index->data->row_count()))));

    std::vector<float> sample = rotated_sample(
        *index, std::max<std::size_t>(10000, options.train_rows * index->list_count));
    index->mean = remove_mean(&sample, padded);
    std::vector<float> centroids(index->list_count * padded);
    const auto start = Clock::now();
    if (!read_file(options.centroids_file, &centroids)) {
        run_training(options, sample, padded, index->list_count, centroids.data());
        write_file(options.centroids_file, centroids);
    }
    index->train_seconds = seconds_since(start);

    const double length = residual_length(sample, centroids, padded);
    index->scale =
        length > 0 ? float(std::exp2(std::round(std::log2(kResidualLength / length)))) : 1;
    for (float &x : centroids)
        x *= index->scale;
    for (float &x : index->mean)
        x *= index->scale;
    return centroids;
}

} // namespace bench
