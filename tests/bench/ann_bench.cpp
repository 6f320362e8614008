// SPDX-License-Identifier: PostgreSQL
//
// Approximate nearest neighbours through SQL: ivfrabitq, and beside it, in the same minutes, what
// else the named servers have (pgvector's hnsw and ivfflat; others by --method). `./run bench ann`.
//
//   vecmesh_ann_bench --url OURS [--peer URL]… [OPTION…]
//
//   --data hard|glosses|FOLDER   several times for several sets (tests/bench/ann/dataset.hpp).
//                                Default: hard, a million rows drawn here
//   --rows N --queries N         so many of them
//   --only SECTION,…             build, floor, search, filter, insert, growth, cold. Default:
//                                all but cold, which restarts the servers
//   --methods NAME,…             of ivfrabitq, hnsw, ivfflat and the --method ones; default: all
//   --method 'AM;WITH (…);SETTING=VALUE,VALUE…'
//                                one more access method, with what its setting is swept over
//   --rebuild                    build indexes that are there anew (section build)
//   --target R,R,…               ivfrabitq.recall_target of the search's sweep, and no probes in it
//   --ef N,N,…                   hnsw.ef_search of the search's sweep
//   --awake                      no processor goes idle in floor, search, filter and insert
//   --set NAME=VALUE             SET for every session, e.g. maintenance_work_mem=2GB, several
//                                times
//   --rounds N (3) --seconds S (3) --clients N,N (1,2)
//   --filter-seconds S (5) --insert-rows N (20000) --insert-seconds S (60) --growth-rows N (200000)
//   --quick                      little of everything: does it work?
//   --json FILE --svg FILE       what was measured; the picture of the first set, and of
//                                set NAME in FILE-NAME.svg for the others
//
// Servers are libpq connection strings of superusers. Every method has a table of its own in the
// database that they name, bench_DATA_METHOD, which stays: the next run needs no loading and no
// building. Inserts and growth work in a database bench_scratch, which does not stay.
//
// Queries are prepared statements with binary parameters and results, LIMIT 10. Truth is computed
// here, exactly. Methods are measured in turn, setting after setting, in several rounds; medians
// count. Rates at a recall are interpolated between the neighbouring points of a method's best
// ones.
//
// Why --awake: an idle processor of a virtual machine takes some 50 us to wake, so that one
// client's SELECT 1 takes 60 to 110 us instead of 9, and that is added to every query of every
// method. Threads of the lowest priority that spin (tests/bench/ann/awake.hpp) take it away, for
// all servers alike. Figures without it are honest as well, but of short queries they measure the
// hypervisor.
#include "bench/ann/awake.hpp"
#include "bench/ann/bench.hpp"
#include "bench/ann/chart.hpp"
#include "bench/ann/environment.hpp"
#include "bench/ann/options.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>

namespace
{

struct Section {
    const char *name;
    void (*measure)(bench::Run *run);
    bool by_default;
    bool awake; // short statements, one after the other: --awake is for these
};

constexpr Section kSections[] = {
    {"build", bench::bench_build, true, false},  {"floor", bench::bench_floor, true, true},
    {"search", bench::bench_search, true, true}, {"filter", bench::bench_filter, true, true},
    {"insert", bench::bench_insert, true, true}, {"growth", bench::bench_growth, true, false},
    {"cold", bench::bench_cold, false, false},
};

struct Settings {
    std::vector<std::string> data, peers, only, session;
    bench::Choice methods;
    std::string url, glosses = "tests/data/glosses", json, svg, commit;
    std::size_t rows = 0, queries = 0;
    bool awake = false;
    bench::Config config;
};

void
make_quick(Settings *settings)
{
    bench::Config &config = settings->config;
    settings->rows = 2000;
    settings->queries = 20;
    config.rounds = 1;
    config.most_settings = 3;
    config.seconds = config.filter_seconds = 0.05;
    config.insert_rows = 200;
    config.insert_seconds = 0.5;
    config.growth_rows = 1000;
}

Settings
parse(int argc, char **argv)
{
    Settings s;
    bench::Options options(argc, argv);
    if (options.flag("--quick"))
        make_quick(&s);
    options.text("--url", &s.url);
    options.texts("--peer", &s.peers);
    options.texts("--data", &s.data);
    options.text("--glosses", &s.glosses);
    options.count("--rows", &s.rows);
    options.count("--queries", &s.queries);
    options.names("--only", &s.only);
    options.names("--methods", &s.methods.names);
    options.texts("--method", &s.methods.extra);
    options.names("--target", &s.methods.targets);
    options.names("--ef", &s.methods.ef_search);
    s.awake = options.flag("--awake");
    options.texts("--set", &s.session);
    s.config.rebuild = options.flag("--rebuild");
    options.count("--rounds", &s.config.rounds);
    options.number("--seconds", &s.config.seconds);
    options.numbers("--clients", &s.config.clients);
    options.number("--filter-seconds", &s.config.filter_seconds);
    options.count("--insert-rows", &s.config.insert_rows);
    options.number("--insert-seconds", &s.config.insert_seconds);
    options.count("--growth-rows", &s.config.growth_rows);
    options.text("--json", &s.json);
    options.text("--svg", &s.svg);
    options.text("--commit", &s.commit);
    options.finish();
    if (s.url.empty())
        throw std::runtime_error("--url is missing: a connection string of the server to measure");
    if (s.data.empty())
        s.data = {"hard"};
    for (const std::string &name : s.only)
        if (std::none_of(std::begin(kSections), std::end(kSections),
                         [&](const Section &section) { return section.name == name; }))
            throw std::runtime_error("--only: no section " + name);
    return s;
}

/// For all connections of this process: libpq's PGOPTIONS.
void
set_session_options(const std::vector<std::string> &settings)
{
    std::string options;
    for (const std::string &setting : settings)
        options += "-c " + setting + " ";
    if (!options.empty())
        setenv("PGOPTIONS", options.c_str(), 1);
}

void
write_file(const std::string &path, const std::string &text)
{
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path);
    std::printf("wrote %s\n", path.c_str());
}

void
write_chart(const Settings &settings, std::size_t number, const bench::Run &run)
{
    std::vector<bench::Series> series;
    for (const bench::Method &method : run.methods) {
        const auto found = run.points.find(method.name());
        if (found != run.points.end())
            series.push_back({method.label(), found->second});
    }
    if (settings.svg.empty() || series.empty())
        return;
    std::string path = settings.svg;
    if (number > 0) {
        const std::size_t dot = std::min(path.rfind(".svg"), path.size());
        path.insert(dot, "-" + run.data->name);
    }
    const bench::Dataset &data = *run.data;
    char subtitle[200];
    std::snprintf(subtitle, sizeof(subtitle), "%zu × %zu, %s", data.row_count(), data.dim,
                  data.cosine ? "cosine" : "L2");
    write_file(path, bench::draw_chart(data.name, subtitle, series));
}

bench::Json
measure(const Settings &settings, const std::vector<bench::Server> &servers, std::size_t number)
{
    const bench::Dataset data = bench::load_dataset(settings.data[number], settings.glosses,
                                                    settings.rows, settings.queries);
    bench::Run run{&data, {}, settings.config, {}, {}, {}};
    for (const bench::Server &server : servers) {
        const auto methods = bench::find_methods(server, data.row_count(), settings.methods);
        run.methods.insert(run.methods.end(), methods.begin(), methods.end());
    }
    if (settings.config.most_settings != 0)
        for (bench::Method &method : run.methods)
            for (auto *sweep : {&method.sweep, &method.filter_sweep})
                sweep->resize(std::min(sweep->size(), settings.config.most_settings));
    if (run.methods.empty())
        throw std::runtime_error("none of the methods is on these servers");
    std::printf("\n%s: %zu x %zu, %zu queries, %s\n", data.name.c_str(), data.row_count(), data.dim,
                data.query_count(), data.cosine ? "cosine" : "L2");
    run.report["name"] = data.name;
    run.report["rows"] = data.row_count();
    run.report["dim"] = data.dim;
    run.report["queries"] = data.query_count();
    run.report["distance"] = data.cosine ? "cosine" : "L2";
    for (const bench::Method &method : run.methods)
        run.of(method)["label"] = method.label();
    for (const Section &section : kSections) {
        const auto &only = settings.only;
        if (only.empty() ? section.by_default
                         : std::count(only.begin(), only.end(), section.name) > 0) {
            const bench::Awake awake(settings.awake && section.awake);
            section.measure(&run);
        }
    }
    bench::compare(&run);
    write_chart(settings, number, run);
    return run.report;
}

void
run_all(const Settings &settings)
{
    set_session_options(settings.session);
    std::vector<bench::Server> servers = {bench::describe_server("ours", settings.url)};
    for (std::size_t i = 0; i < settings.peers.size(); i++)
        servers.push_back(bench::describe_server(i == 0 ? "peer" : "peer" + std::to_string(i + 1),
                                                 settings.peers[i]));
    bench::Json report;
    report["benchmark"] = "ann";
    report["environment"] = bench::describe_environment(servers, settings.commit);
    report["environment"]["awake"] = settings.awake;
    std::printf("processors in floor, search, filter and insert: %s\n",
                settings.awake ? "kept awake" : "as they are (see --awake)");
    for (std::size_t i = 0; i < settings.data.size(); i++) {
        report["datasets"].append(measure(settings, servers, i));
        if (!settings.json.empty())
            write_file(settings.json, report.write());
    }
}

} // namespace

int
main(int argc, char **argv)
{
    std::setvbuf(stdout, nullptr, _IOLBF, 0); // a run takes long: its log is read meanwhile
    try {
        run_all(parse(argc, argv));
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
    return 0;
}
