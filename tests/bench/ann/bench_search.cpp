// SPDX-License-Identifier: PostgreSQL
//
// Recall against queries per second, over the settings of every method; and what a statement costs
// that searches nothing.
#include "bench/ann/bench.hpp"
#include "bench/ann/client.hpp"
#include "bench/ann/clock.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bench
{

namespace
{

constexpr std::size_t kDepth = 100;

/// Mean recall@k of all queries.
double
measure_recall(Connection *connection, const Dataset &data, const std::vector<std::int32_t> &truth,
               const std::string &statement, std::size_t k)
{
    double sum = 0;
    for (std::size_t q = 0; q < data.query_count(); q++) {
        const Result result =
            connection->execute(statement, {vector_parameter(data.query(q), data.dim)});
        const std::vector<std::int32_t> found = ids_of(result.get());
        sum += recall(truth.data() + q * kDepth, found.data(), found.size(), k);
    }
    return sum / double(data.query_count());
}

/// One method with its table, and what its settings gave in each round.
struct Subject {
    const Method *method;
    Table table;
    std::string plan;
    std::vector<Point> points;
    std::vector<std::vector<std::vector<Rate>>> rates; // by setting, number of clients, round
};

void
find_recall(Run *run, Subject *subject, const std::vector<std::int32_t> &truth)
{
    const Method &method = *subject->method;
    for (const Setting &setting : method.sweep) {
        Connection connection(method.server.url);
        connection.run("SET enable_seqscan = off");
        setting.apply(&connection);
        prepare_search(&connection, *run->data, subject->table, "q10", 10);
        prepare_search(&connection, *run->data, subject->table, "q100", kDepth);
        Point point{setting.label, 0, 0, 0};
        point.recall10 = measure_recall(&connection, *run->data, truth, "q10", 10);
        point.recall100 = measure_recall(&connection, *run->data, truth, "q100", kDepth);
        subject->points.push_back(point);
    }
    Connection connection(method.server.url);
    connection.run("SET enable_seqscan = off");
    subject->plan = plan_of(&connection, *run->data, subject->table);
    run->of(method)["search"]["plan"] = subject->plan;
}

void
find_rate(const Run &run, Subject *subject, std::size_t number,
          const std::vector<std::vector<Parameter>> &parameters)
{
    const Method &method = *subject->method;
    Load load;
    load.url = method.server.url;
    load.parameters = parameters;
    load.prepare = [&](Connection *connection) {
        connection->run("SET enable_seqscan = off");
        method.sweep[number].apply(connection);
        prepare_search(connection, *run.data, subject->table, "q", 10);
    };
    auto &rates = subject->rates[number];
    rates.resize(run.config.clients.size());
    for (std::size_t c = 0; c < rates.size(); c++)
        rates[c].push_back(
            run_clients(load, std::size_t(run.config.clients[c]), run.config.seconds));
}

double
median_of(const std::vector<Rate> &rates, double Rate::*member)
{
    std::vector<double> values;
    for (const Rate &rate : rates)
        values.push_back(rate.*member);
    return quantile(values, 0.5);
}

void
report_subject(Run *run, Subject *subject)
{
    std::printf("\n%s: %s\n%-28s %8s %8s", subject->method->label().c_str(), subject->plan.c_str(),
                "setting", "@10", "@100");
    for (double clients : run->config.clients)
        std::printf(" %7.0f cl. %8s %8s", clients, "p50 ms", "p99 ms");
    std::printf("\n");
    Json &points = run->of(*subject->method)["search"]["points"];
    for (std::size_t i = 0; i < subject->points.size(); i++) {
        Point &point = subject->points[i];
        Json json;
        json["setting"] = point.setting;
        json["recall_at_10"] = point.recall10;
        json["recall_at_100"] = point.recall100;
        std::printf("%-28s %8.4f %8.4f", point.setting.c_str(), point.recall10, point.recall100);
        for (std::size_t c = 0; c < subject->rates[i].size(); c++) {
            const auto &rates = subject->rates[i][c];
            const std::string clients = std::to_string(int(run->config.clients[c]));
            json["qps_" + clients] = median_of(rates, &Rate::qps);
            json["p50_ms_" + clients] = median_of(rates, &Rate::p50);
            json["p99_ms_" + clients] = median_of(rates, &Rate::p99);
            std::printf(" %11.1f %8.3f %8.3f", median_of(rates, &Rate::qps),
                        median_of(rates, &Rate::p50), median_of(rates, &Rate::p99));
        }
        point.qps = median_of(subject->rates[i].front(), &Rate::qps);
        points.append(json);
        std::printf("\n");
    }
    Json &at = run->of(*subject->method)["search"]["qps_at_recall"];
    for (const char *recall : {"0.90", "0.95", "0.98", "0.99", "0.995"}) {
        const auto rate = rate_at(subject->points, std::stod(recall));
        at[recall] = rate ? Json(*rate) : Json();
        if (rate)
            run->figures[subject->method->name()][std::string("QPS at ") + recall] = *rate;
    }
    run->points[subject->method->name()] = subject->points;
    std::fflush(stdout);
}

} // namespace

void
bench_search(Run *run)
{
    const std::vector<std::int32_t> truth = true_neighbours(*run->data, kDepth);
    const auto parameters = query_parameters(*run->data);
    std::vector<Subject> subjects;
    std::size_t most = 0;
    for (const Method &method : run->methods) {
        Subject subject{&method, make_ready(run, method, false), "", {}, {}};
        subject.rates.resize(method.sweep.size());
        find_recall(run, &subject, truth);
        most = std::max(most, method.sweep.size());
        subjects.push_back(std::move(subject));
    }
    for (std::size_t round = 0; round < run->config.rounds; round++)
        for (std::size_t number = 0; number < most; number++)
            for (Subject &subject : subjects) // in turn: what disturbs one disturbs all
                if (number < subject.method->sweep.size())
                    find_rate(*run, &subject, number, parameters);
    for (Subject &subject : subjects)
        report_subject(run, &subject);
}

std::vector<Point>
best_points(std::vector<Point> points)
{
    std::sort(points.begin(), points.end(), [](const Point &a, const Point &b) {
        return a.recall10 != b.recall10 ? a.recall10 > b.recall10 : a.qps > b.qps;
    });
    std::vector<Point> best;
    for (const Point &point : points) // from the highest recall down
        if (best.empty() || point.qps > best.back().qps)
            best.push_back(point);
    std::reverse(best.begin(), best.end());
    return best;
}

std::optional<double>
rate_at(const std::vector<Point> &points, double recall)
{
    const std::vector<Point> best = best_points(points);
    const auto above = std::find_if(best.begin(), best.end(),
                                    [&](const Point &p) { return p.recall10 >= recall; });
    if (above == best.end())
        return {};
    if (above == best.begin())
        return above->qps; // all that was measured is better than what was asked for
    const Point &low = *(above - 1);
    const double share = (recall - low.recall10) / (above->recall10 - low.recall10);
    return std::exp((1 - share) * std::log(low.qps) + share * std::log(above->qps));
}

void
bench_floor(Run *run)
{
    std::vector<std::string> done;
    const Dataset &data = *run->data;
    for (const Method &method : run->methods) {
        if (std::count(done.begin(), done.end(), method.server.name) > 0)
            continue;
        done.push_back(method.server.name);
        const Table table = make_ready(run, method, false);
        const auto rate = [&](const std::string &sql, std::vector<std::vector<Parameter>> values) {
            const Load load{method.server.url,
                            [&](Connection *connection) { connection->prepare("q", sql); },
                            std::move(values)};
            return run_clients(load, 1, run->config.seconds);
        };
        std::vector<std::vector<Parameter>> ids;
        for (std::size_t q = 0; q < data.query_count(); q++)
            ids.push_back({int_parameter(std::int32_t(q * data.row_count() / data.query_count()))});
        const Rate nothing = rate("SELECT 1", {{}});
        const Rate by_key = rate("SELECT id FROM " + table.name + " WHERE id = $1", ids);
        const Rate vector = rate("SELECT vector_dims($1::vector)", query_parameters(data));
        std::printf("\n%s, a statement that searches nothing, p50 us: SELECT 1 %.1f, a row by its "
                    "key %.1f, a vector in %.1f\n",
                    method.server.product.c_str(), 1000 * nothing.p50, 1000 * by_key.p50,
                    1000 * vector.p50);
        Json &floor = run->report["servers"][method.server.name]["floor"];
        floor["select_1_p50_ms"] = nothing.p50;
        floor["select_1_qps"] = nothing.qps;
        floor["row_by_key_p50_ms"] = by_key.p50;
        floor["row_by_key_qps"] = by_key.qps;
        floor["vector_parameter_p50_ms"] = vector.p50;
        floor["vector_parameter_qps"] = vector.qps;
    }
}

} // namespace bench
