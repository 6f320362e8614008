// SPDX-License-Identifier: PostgreSQL
//
// Nearest rows among those that pass a WHERE clause: a tenth, a hundredth and a thousandth of them
// at random, and a kind whose rows lie together, far from most queries. Methods with filter columns
// have them in their index; the others are swept over their iterative scans, and their best point
// counts. "exact" is a btree on the columns and a sort.
#include "bench/ann/bench.hpp"
#include "bench/ann/client.hpp"
#include "bench/ann/clock.hpp"

#include <algorithm>
#include <cstdio>

namespace bench
{

namespace
{

constexpr std::size_t kNeighbours = 10;
constexpr double kWantedRecall = 0.95;
constexpr std::size_t kLeastQueries = 20;

struct Filter {
    const char *name;
    const char *where;
    bool (*passes)(const Dataset &data, std::size_t row);
};

const Filter kFilters[] = {
    {"10 %", "bucket < 100", [](const Dataset &d, std::size_t i) { return d.buckets[i] < 100; }},
    {"1 %", "bucket < 10", [](const Dataset &d, std::size_t i) { return d.buckets[i] < 10; }},
    {"0.1 %", "bucket < 1", [](const Dataset &d, std::size_t i) { return d.buckets[i] < 1; }},
    {"correlated", "kind = 'noun.animal'",
     [](const Dataset &d, std::size_t i) { return d.kinds[i] == "noun.animal"; }},
};

struct Tried {
    const Setting *setting = nullptr;
    double recall = 0, qps = 0, rows = 0;
    std::size_t queries = 0;

    /// The faster of those that find enough, else the one that finds more.
    bool better_than(const Tried &other) const
    {
        const bool enough = recall >= kWantedRecall, others = other.recall >= kWantedRecall;
        if (enough != others)
            return enough;
        return enough ? qps > other.qps : recall > other.recall;
    }
};

void
set_up(Connection *connection, const Setting &setting, const Dataset &data, const Table &table,
       const Filter &filter, bool exact)
{
    if (!exact)
        connection->run("SET enable_seqscan = off");
    setting.apply(connection);
    prepare_search(connection, data, table, "q", kNeighbours, filter.where);
}

Tried
try_setting(const Run &run, const Method &method, const Table &table, const Setting &setting,
            const Filter &filter, const std::vector<std::int32_t> &truth, double best_seconds)
{
    const Dataset &data = *run.data;
    Connection connection(method.server.url);
    set_up(&connection, setting, data, table, filter, method.access_method == "exact");
    Tried tried;
    tried.setting = &setting;
    const auto ask = [&](std::size_t q) {
        return connection.execute("q", {vector_parameter(data.query(q), data.dim)});
    };
    for (std::size_t q = 0; q < std::min<std::size_t>(6, data.query_count()); q++)
        ask(q);
    const auto start = Clock::now();
    for (std::size_t q = 0; q < data.query_count(); q++) {
        const Result result = ask(q);
        const auto found = ids_of(result.get());
        tried.recall +=
            recall(truth.data() + q * kNeighbours, found.data(), found.size(), kNeighbours);
        tried.rows += double(found.size());
        tried.queries++;
        if (tried.queries >= kLeastQueries && seconds_since(start) > best_seconds)
            break;
    }
    const auto n = double(tried.queries);
    tried.qps = n / seconds_since(start);
    tried.recall /= n;
    tried.rows /= n;
    return tried;
}

Json
to_json(const Tried &tried)
{
    Json json;
    json["setting"] = tried.setting->label;
    json["recall_at_10"] = tried.recall;
    json["qps"] = tried.qps;
    json["rows_returned"] = tried.rows;
    json["queries"] = tried.queries;
    return json;
}

/// The best points of all methods again, in turn: their medians are what is compared.
struct Final {
    const Method *method;
    Table table;
    Tried best;
    std::vector<double> rates;
};

void
measure_finals(Run *run, const Filter &filter, std::vector<Final> *finals)
{
    const auto parameters = query_parameters(*run->data);
    for (std::size_t round = 0; round < run->config.rounds; round++)
        for (Final &f : *finals) {
            const Load load{f.method->server.url,
                            [&](Connection *connection) {
                                set_up(connection, *f.best.setting, *run->data, f.table, filter,
                                       f.method->access_method == "exact");
                            },
                            parameters};
            f.rates.push_back(run_clients(load, 1, run->config.seconds).qps);
        }
    for (Final &f : *finals) {
        f.best.qps = quantile(f.rates, 0.5);
        Connection connection(f.method->server.url);
        set_up(&connection, *f.best.setting, *run->data, f.table, filter,
               f.method->access_method == "exact");
        Json json = to_json(f.best);
        json["plan"] = plan_of(&connection, *run->data, f.table, filter.where);
        run->of(*f.method)["filter"][filter.name]["best"] = json;
        run->figures[f.method->name()][std::string("filtered QPS, ") + filter.name] = f.best.qps;
        std::printf("%-12s %-34s recall %.4f  %8.1f q/s  %5.2f rows  %s\n", filter.name,
                    f.method->label().c_str(), f.best.recall, f.best.qps, f.best.rows,
                    f.best.setting->label.c_str());
        std::fflush(stdout);
    }
}

/// The method "exact", on the first server.
Method
exact_method(const Run &run)
{
    Method method;
    method.server = run.methods.front().server;
    method.access_method = "exact";
    method.filter_sweep = {{"btree and sort", {}}};
    return method;
}

Table
make_exact_ready(const Run &run, const Method &method)
{
    Connection connection(method.server.url);
    const Table table = table_of(*run.data, method, true);
    load_table(&connection, *run.data, table);
    for (const std::string column : {"bucket", "kind"})
        connection.run("CREATE INDEX IF NOT EXISTS " + table.name + "_" + column + " ON " +
                       table.name + " (" + column + ")");
    warm_up(&connection, table);
    return table;
}

} // namespace

void
bench_filter(Run *run)
{
    if (run->data->buckets.empty()) {
        std::printf("\nfiltered search: this data set has no columns to filter by\n");
        return;
    }
    std::printf("\nfiltered search, LIMIT %zu\n", kNeighbours);
    std::vector<Method> methods = run->methods;
    methods.push_back(exact_method(*run));
    std::vector<Table> tables;
    for (const Method &method : methods)
        tables.push_back(method.access_method == "exact" ? make_exact_ready(*run, method)
                                                         : make_ready(run, method, true));
    for (const Filter &filter : kFilters) {
        const auto truth = true_neighbours(*run->data, kNeighbours, [&](std::size_t row) {
            return filter.passes(*run->data, row);
        });
        std::vector<Final> finals;
        for (std::size_t m = 0; m < methods.size(); m++) {
            Final final{&methods[m], tables[m], {}, {}};
            Json &json = run->of(methods[m])["filter"][filter.name];
            json["where"] = filter.where;
            for (const Setting &setting : methods[m].filter_sweep) {
                const Tried tried = try_setting(*run, methods[m], tables[m], setting, filter, truth,
                                                run->config.filter_seconds);
                json["points"].append(to_json(tried));
                if (final.best.setting == nullptr || tried.better_than(final.best))
                    final.best = tried;
            }
            finals.push_back(final);
        }
        measure_finals(run, filter, &finals);
    }
}

} // namespace bench
