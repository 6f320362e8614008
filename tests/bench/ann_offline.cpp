// SPDX-License-Identifier: PostgreSQL
//
// The search of ivfrabitq without PostgreSQL: the same kernels over pages of the same shape, in
// process, on one thread. What an index takes beyond this is the server's, and is to be explained.
//
//   vecmesh_ann_offline --library VECTOR_BUILD.SO [--data hard|glosses|FOLDER] [OPTION…]
//
//   --rows N --queries N         of the data set (0: all)
//   --lists N (4 sqrt(rows))  --spill SHARE (0)  --iterations N (10)  --train-rows N per list (128)
//   --training codes|floats|tree how vector_build.so trains (codes)
//   --centroids FILE             keep the trained centroids there, or take them from there
//   --threads N (2)              of the build; a search has one
//   --huge-pages                 pages of 2 MB for all that a search reads
//   --k N (10)  --epsilon X (2.2)  --rerank X (2.0)  --optimism X (0.5)  --batch N  --eager N
//   --probes N,N,…               fixed numbers of lists
//   --adaptive A,A,…             lists with g - g_1 < A * T
//   --rounds N (3)               times are medians of so many rounds over all queries
//
// Prints recall@k, the time of a query (mean over the queries of the median over the rounds), where
// it goes (from rounds of their own, because looking at the clock costs too), and the counts.
#include "bench/ann/clock.hpp"
#include "bench/ann/offline_search.hpp"
#include "bench/ann/options.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace
{

using bench::Clock;
using bench::kStages;

struct Settings {
    std::string data = "hard";
    std::string glosses = "tests/data/glosses";
    std::size_t rows = 0, queries = 0, rounds = 3;
    bench::BuildOptions build;
    bench::SearchOptions search;
    std::vector<double> probes, adaptive;
};

Settings
parse(int argc, char **argv)
{
    Settings s;
    bench::Options options(argc, argv);
    options.text("--data", &s.data);
    options.text("--glosses", &s.glosses);
    options.count("--rows", &s.rows);
    options.count("--queries", &s.queries);
    options.text("--library", &s.build.library);
    options.text("--centroids", &s.build.centroids_file);
    options.count("--lists", &s.build.lists);
    options.number("--spill", &s.build.spill);
    options.text("--training", &s.build.training);
    options.integer("--iterations", &s.build.iterations);
    options.count("--train-rows", &s.build.train_rows);
    options.integer("--threads", &s.build.threads);
    s.build.huge_pages = options.flag("--huge-pages");
    options.count("--k", &s.search.k);
    options.number("--epsilon", &s.search.epsilon);
    options.number("--rerank", &s.search.rerank);
    options.number("--optimism", &s.search.optimism);
    options.count("--batch", &s.search.batch);
    options.count("--eager", &s.search.eager);
    options.numbers("--probes", &s.probes);
    options.numbers("--adaptive", &s.adaptive);
    options.count("--rounds", &s.rounds);
    options.finish();
    if (s.probes.empty() && s.adaptive.empty()) {
        s.probes = {8, 16, 32, 64, 128, 256};
        s.adaptive = {0.2, 0.3, 0.4, 0.5, 0.6, 0.8};
    }
    return s;
}

/// Unit vectors: then L2 orders rows as the cosine distance does.
void
normalise(std::vector<float> *vectors, std::size_t dim)
{
    for (std::size_t i = 0; i < vectors->size(); i += dim) {
        const double norm = vx::kernel::distance_kernels().l2_norm(vectors->data() + i, dim);
        for (std::size_t d = 0; norm > 0 && d < dim; d++)
            (*vectors)[i + d] = float((*vectors)[i + d] / norm);
    }
}

void
measure(const char *rule, double setting, const bench::OfflineIndex &index,
        const std::vector<std::int32_t> &truth, const bench::SearchOptions &options,
        std::size_t rounds)
{
    const bench::Dataset &data = *index.data;
    const std::size_t count = data.query_count();
    bench::Searcher searcher(index);
    bench::SearchCounts counts, timed;
    double recall = 0;
    for (std::size_t q = 0; q < count; q++) {
        const auto &found = searcher.search(data.query(q), options, &counts);
        recall +=
            bench::recall(truth.data() + q * options.k, found.data(), found.size(), options.k);
    }
    std::vector<std::vector<double>> times(count);
    bench::SearchCounts ignored;
    for (std::size_t round = 0; round < rounds; round++)
        for (std::size_t q = 0; q < count; q++) {
            const auto start = Clock::now();
            searcher.search(data.query(q), options, &ignored);
            times[q].push_back(1e6 * bench::seconds_since(start));
        }
    double total = 0;
    for (const auto &t : times)
        total += bench::quantile(t, 0.5);
    for (std::size_t round = 0; round < rounds; round++)
        for (std::size_t q = 0; q < count; q++)
            searcher.search_timed(data.query(q), options, &timed);
    const auto n = double(count);
    std::printf("%-8s %7g %7.4f %8.1f  ", rule, setting, recall / n, total / n);
    for (double ns : timed.nanoseconds)
        std::printf(" %7.2f", ns / (1000 * n * double(rounds)));
    std::printf(" %7.1f %8.0f %7.1f %7.1f\n", double(counts.lists) / n, double(counts.scanned) / n,
                double(counts.refined) / n, double(counts.reranked) / n);
    std::fflush(stdout);
}

void
run(const Settings &settings)
{
    bench::Dataset data =
        bench::load_dataset(settings.data, settings.glosses, settings.rows, settings.queries);
    const auto truth = bench::true_neighbours(data, settings.search.k);
    if (data.cosine) {
        normalise(&data.rows, data.dim);
        normalise(&data.queries, data.dim);
    }
    const bench::OfflineIndex index = bench::build_offline(data, settings.build);
    std::printf("%s: %zu x %zu, %zu queries, %s\n", data.name.c_str(), data.row_count(), data.dim,
                data.query_count(), data.cosine ? "cosine" : "L2");
    std::printf("%zu lists, spill %g: train %.1f s, assign %.1f s, encode %.1f s; mean squared "
                "residual %g\n",
                index.list_count, settings.build.spill, index.train_seconds, index.assign_seconds,
                index.encode_seconds, index.mean_residual2);
    std::printf("kernels %s; scan pages %zu, fine pages %zu (%.0f bytes a row); scale %g, kappa of "
                "scan %.4f, fine %.5f\n",
                isa_name(vx::kernel::rabitq_kernels().isa), index.scan_pages.count(),
                index.fine_pages.count(),
                double((index.scan_pages.count() + index.fine_pages.count()) * bench::kPage) /
                    double(data.row_count()),
                double(index.scale), double(index.scan_kappa), double(index.fine_kappa));
    std::printf("%-8s %7s %7s %8s   %7s %7s %7s %7s %7s %7s %7s %8s %7s %7s\n", "rule", "setting",
                "recall", "us", "prepare", "centr.", "order", "scan", "refine", "rerank", "lists",
                "scanned", "refined", "exact");
    bench::SearchOptions options = settings.search;
    for (double probes : settings.probes) {
        options.probes = std::size_t(probes);
        options.adaptive = 0;
        measure("fixed", probes, index, truth, options, settings.rounds);
    }
    options.probes = 0;
    for (double adaptive : settings.adaptive) {
        options.adaptive = adaptive;
        measure("adaptive", adaptive, index, truth, options, settings.rounds);
    }
}

} // namespace

int
main(int argc, char **argv)
{
    try {
        run(parse(argc, argv));
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
    return 0;
}
