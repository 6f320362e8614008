// SPDX-License-Identifier: PostgreSQL
//
// What `./run bench ann` and vecmesh_ann_offline search: rows, queries, and the true answers.
//
//   hard      drawn here: clusters on a curved 36-dimensional manifold in 128 dimensions, L2. As
//   hard
//             as real sets for a graph: HNSW with m 16 finds .95 with ef_search 40 of a million
//             rows.
//   glosses   sentence embeddings, cosine; the queries are of another distribution than the rows
//             (tests/data/glosses, or a larger set in the same files)
//   FOLDER    NAME_X.npy and NAME_Q.npy (L2), or docs.f16, queries.f16 and docs.tsv.gz (cosine)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench
{

struct Dataset {
    std::string name;
    std::size_t dim = 0;
    bool cosine = false;               // else L2
    std::vector<float> rows;           // row_count() x dim; the number of a row is its id
    std::vector<float> queries;        // query_count() x dim
    std::vector<std::int32_t> buckets; // of each row, in [0, 1000); empty where there is no column
    std::vector<std::string> kinds;    // lexname of each row; likewise

    std::size_t row_count() const { return rows.size() / dim; }

    std::size_t query_count() const { return queries.size() / dim; }

    const float *row(std::size_t i) const { return rows.data() + i * dim; }

    const float *query(std::size_t i) const { return queries.data() + i * dim; }
};

/// max_rows, max_queries: 0 for all; fewer rows are taken evenly from the whole (a set in files is
/// often sorted). `glosses_folder`: where the set named glosses is. Throws std::runtime_error.
Dataset load_dataset(const std::string &what, const std::string &glosses_folder,
                     std::size_t max_rows, std::size_t max_queries);

/// The `k` nearest rows that pass, nearest first, of every query: ids, -1 where there are fewer.
/// Exact: float distances choose a few more, float64 decides, equals go to the lower id.
std::vector<std::int32_t> true_neighbours(const Dataset &data, std::size_t k,
                                          const std::function<bool(std::size_t)> &passes = {});

/// The share of the first k true neighbours (of `depth` per query) that is among `found` (at most k
/// looked at). A query with fewer true neighbours than k counts those; with none it counts as 1.
double recall(const std::int32_t *truth, const std::int32_t *found, std::size_t found_count,
              std::size_t k);

} // namespace bench
