// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/dataset.hpp"

#include "bench/ann/generate.hpp"
#include "cli/error.hpp"
#include "cli/tsv_file.hpp"
#include "cli/vector_file.hpp"
#include "kernel/distance.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace bench
{

namespace fs = std::filesystem;

namespace
{

constexpr int kGlossesDim = 384;

std::vector<float>
read_vectors(const fs::path &path, int dim, std::size_t *found_dim)
{
    const auto format = cli::vector_format_of(path.string());
    if (!format)
        throw std::runtime_error(path.string() + ": not a file of vectors");
    cli::VectorFile file(path.string(), *format, dim);
    *found_dim = std::size_t(file.dim());
    std::vector<float> all, row;
    if (file.row_count())
        all.reserve(std::size_t(*file.row_count()) * *found_dim);
    while (file.next(row))
        all.insert(all.end(), row.begin(), row.end());
    return all;
}

void
read_columns(const fs::path &path, Dataset *data)
{
    cli::TsvFile file(path.string());
    const auto column = [&](const char *name) {
        const auto &names = file.columns();
        const auto at = std::find(names.begin(), names.end(), name);
        if (at == names.end())
            throw std::runtime_error(path.string() + ": no column " + name);
        return std::size_t(at - names.begin());
    };
    const std::size_t bucket = column("bucket"), kind = column("lexname");
    std::vector<cli::Field> fields;
    while (file.next(fields)) {
        data->buckets.push_back(std::stoi(fields[bucket].value()));
        data->kinds.push_back(fields[kind].value());
    }
    if (data->buckets.size() != data->row_count())
        throw std::runtime_error(path.string() + ": not as many lines as there are vectors");
}

Dataset
read_glosses(const fs::path &folder)
{
    Dataset data;
    data.name = "glosses";
    data.cosine = true;
    data.rows = read_vectors(folder / "docs.f16", kGlossesDim, &data.dim);
    data.queries = read_vectors(folder / "queries.f16", kGlossesDim, &data.dim);
    read_columns(folder / "docs.tsv.gz", &data);
    return data;
}

Dataset
read_folder(const fs::path &folder)
{
    if (fs::exists(folder / "docs.f16"))
        return read_glosses(folder);
    if (!fs::is_directory(folder))
        throw std::runtime_error(folder.string() + ": neither a data set nor a folder");
    for (const auto &entry : fs::directory_iterator(folder)) {
        const std::string file = entry.path().filename().string();
        const std::size_t end = file.rfind("_X.npy");
        if (end == std::string::npos || end + 6 != file.size())
            continue;
        Dataset data;
        std::size_t query_dim;
        data.name = file.substr(0, end);
        data.rows = read_vectors(entry.path(), 0, &data.dim);
        data.queries = read_vectors(folder / (data.name + "_Q.npy"), 0, &query_dim);
        if (query_dim != data.dim)
            throw std::runtime_error(folder.string() + ": rows and queries differ in dimension");
        return data;
    }
    throw std::runtime_error(folder.string() + ": neither NAME_X.npy nor docs.f16 is there");
}

/// Keeps `wanted` of the elements (of `width` each), evenly spread.
template <class T>
void
thin_out(std::vector<T> *all, std::size_t width, std::size_t wanted)
{
    const std::size_t count = all->size() / width;
    if (wanted == 0 || wanted >= count)
        return;
    for (std::size_t i = 0; i < wanted; i++)
        std::copy_n(all->begin() + std::ptrdiff_t(i * count / wanted * width), width,
                    all->begin() + std::ptrdiff_t(i * width));
    all->resize(wanted * width);
}

} // namespace

Dataset
load_dataset(const std::string &what, const std::string &glosses_folder, std::size_t max_rows,
             std::size_t max_queries)
{
    if (what == "hard")
        return generate_hard(max_rows != 0 ? max_rows : 1000000,
                             max_queries != 0 ? max_queries : 1000, 128);
    Dataset data = what == "glosses" ? read_glosses(glosses_folder) : read_folder(what);
    thin_out(&data.rows, data.dim, max_rows);
    thin_out(&data.buckets, 1, max_rows);
    thin_out(&data.kinds, 1, max_rows);
    thin_out(&data.queries, data.dim, max_queries);
    return data;
}

namespace
{

struct Near {
    double distance;
    std::int32_t id;

    bool operator<(const Near &other) const
    {
        return std::pair(distance, id) < std::pair(other.distance, other.id);
    }
};

double
norm(const float *v, std::size_t n)
{
    double sum = 0;
    for (std::size_t i = 0; i < n; i++)
        sum += double(v[i]) * v[i];
    return std::sqrt(sum);
}

double
exact_distance(const Dataset &data, const float *query, std::size_t id)
{
    const float *row = data.row(id);
    double sum = 0;
    if (data.cosine) {
        for (std::size_t i = 0; i < data.dim; i++)
            sum += double(query[i]) * row[i];
        return -sum / norm(row, data.dim);
    }
    for (std::size_t i = 0; i < data.dim; i++)
        sum += (double(query[i]) - row[i]) * (double(query[i]) - row[i]);
    return sum;
}

/// Keeps the `room` least.
void
offer(std::vector<Near> *heap, std::size_t room, const Near &candidate)
{
    if (heap->size() == room) {
        if (!(candidate < heap->front()))
            return;
        std::pop_heap(heap->begin(), heap->end());
        heap->pop_back();
    }
    heap->push_back(candidate);
    std::push_heap(heap->begin(), heap->end());
}

} // namespace

std::vector<std::int32_t>
true_neighbours(const Dataset &data, std::size_t k, const std::function<bool(std::size_t)> &passes)
{
    const auto &kernels = vx::kernel::distance_kernels();
    const std::size_t chunk = std::max<std::size_t>(1, (256u << 10) / (4 * data.dim));
    const std::size_t room = k + 20;
    std::vector<std::vector<Near>> heaps(data.query_count());
    std::vector<float> block(chunk * data.dim), found(chunk), norms(chunk);
    std::vector<std::int32_t> ids;
    for (std::size_t next = 0; next < data.row_count();) {
        ids.clear(); // a block of rows that stay in the cache for all queries
        for (; next < data.row_count() && ids.size() < chunk; next++) {
            if (passes && !passes(next))
                continue;
            std::copy_n(data.row(next), data.dim, block.data() + ids.size() * data.dim);
            norms[ids.size()] = float(norm(data.row(next), data.dim));
            ids.push_back(std::int32_t(next));
        }
        for (std::size_t q = 0; q < data.query_count(); q++) {
            const auto batch = data.cosine ? kernels.inner_product_batch : kernels.l2_squared_batch;
            batch(data.query(q), block.data(), data.dim, ids.size(), data.dim, found.data());
            for (std::size_t i = 0; i < ids.size(); i++)
                offer(&heaps[q], room, {data.cosine ? -found[i] / norms[i] : found[i], ids[i]});
        }
    }
    std::vector<std::int32_t> result(data.query_count() * k, -1);
    for (std::size_t q = 0; q < data.query_count(); q++) {
        for (Near &near : heaps[q])
            near.distance = exact_distance(data, data.query(q), std::size_t(near.id));
        std::sort(heaps[q].begin(), heaps[q].end());
        for (std::size_t i = 0; i < std::min(k, heaps[q].size()); i++)
            result[q * k + i] = heaps[q][i].id;
    }
    return result;
}

double
recall(const std::int32_t *truth, const std::int32_t *found, std::size_t found_count, std::size_t k)
{
    const std::int32_t *end = std::find(truth, truth + k, -1);
    if (end == truth)
        return 1;
    std::size_t hits = 0;
    for (std::size_t i = 0; i < std::min(found_count, k); i++)
        hits += std::find(truth, end, found[i]) != end;
    return double(hits) / double(end - truth);
}

} // namespace bench
