// SPDX-License-Identifier: PostgreSQL
//
// One search over an OfflineIndex: what a scan of ivfrabitq does between getting the query's vector
// and returning the first row.
#pragma once

#include "bench/ann/offline_index.hpp"
#include "kernel/list_order.hpp"

#include <array>

namespace bench
{

struct SearchOptions {
    std::size_t k = 10;
    double epsilon = 2.2;   // scan bound, in standard deviations of the scan estimate
    double rerank = 2.0;    // as many of the fine estimate
    double optimism = 0.5;  // standard deviations added to the estimates that make the threshold
    std::size_t probes = 0; // lists to read; with the adaptive rule the most
    double adaptive = 0;    // > 0: lists with g - g_1 < adaptive * T
    std::size_t batch = 24; // rows refined at a time
    std::size_t eager = 8;  // lists after each of which the batch is refined
};

enum Stage { kPrepare, kCentroids, kOrder, kScan, kRefine, kRerank, kStages };

struct SearchCounts {
    std::array<double, kStages> nanoseconds{}; // only where stages are timed
    std::size_t lists = 0, scanned = 0, refined = 0, reranked = 0;
};

class Searcher
{
  public:
    explicit Searcher(const OfflineIndex &index);

    /// The ids of the nearest rows that were found, nearest first. Adds to `counts`.
    const std::vector<std::int32_t> &search(const float *query, const SearchOptions &options,
                                            SearchCounts *counts)
    {
        return run<false>(query, options, counts);
    }

    /// The same, looking at the clock between the stages: slower by what that takes.
    const std::vector<std::int32_t> &search_timed(const float *query, const SearchOptions &options,
                                                  SearchCounts *counts)
    {
        return run<true>(query, options, counts);
    }

  private:
    struct Waiting { // passed the scan's threshold
        const std::uint8_t *record;
        std::uint32_t place;
        float lower, ip, g;
    };

    struct Candidate { // passed the refinement's
        float lower;
        std::uint32_t row;
    };

    struct Ranked {
        float distance;
        std::uint32_t row;

        bool operator<(const Ranked &other) const { return distance < other.distance; }
    };

    template <bool timed>
    const std::vector<std::int32_t> &run(const float *query, const SearchOptions &options,
                                         SearchCounts *counts);
    void prepare(const float *query);
    void measure_centroids();
    bool wants_list(std::size_t number, const SearchOptions &options);
    void scan_groups(const Slice &slice, std::uint32_t first, std::uint32_t count, float g,
                     const SearchOptions &options);
    void prefetch_list(std::size_t number) const;
    void refine(const SearchOptions &options, SearchCounts *counts);
    void refined(const Waiting &row, std::int32_t dot, const SearchOptions &options);
    void rerank(const float *query, const SearchOptions &options, SearchCounts *counts);
    static void keep(std::vector<Ranked> *heap, std::size_t k, const Ranked &found, bool unique);

    const OfflineIndex &index_;
    std::vector<float> vector_; // the query, prepared
    PageMemory memory_;         // what must be aligned: look-up table, int8 forms
    vx::kernel::ScanQuery scan_query_{};
    vx::kernel::FineQuery fine_query_{};
    vx::kernel::PlaneQuery plane_query_{};
    std::vector<float> distances_;
    std::vector<std::uint32_t> order_;
    vx::kernel::ListOrder list_order_{};
    std::vector<vx::kernel::Survivor> survivors_;
    std::vector<Waiting> waiting_;
    std::vector<Candidate> candidates_;
    std::vector<Ranked> nearest_; // k least of estimate + optimism: a heap
    std::vector<Ranked> exact_;   // k least of the exact distances: a heap
    std::vector<std::int32_t> result_;
    float threshold_ = 0;
    bool unique_ = true; // no row is in two lists
};

} // namespace bench
