// SPDX-License-Identifier: PostgreSQL
//
// The first queries after the server was started anew and, where we may, the system's cache
// emptied: how long they take, and how much they read.
#include "bench/ann/bench.hpp"
#include "bench/ann/clock.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <pwd.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace bench
{

namespace
{

constexpr std::size_t kQueries = 100;
constexpr double kWantedRecall = 0.95;

/// Restarts the server, which must be one of this machine, as the owner of its files.
void
restart(const Server &server)
{
    std::string folder, programs;
    {
        Connection connection(server.url);
        connection.run("CHECKPOINT");
        folder = connection.value("SHOW data_directory");
        programs = connection.value("SELECT setting FROM pg_config WHERE name = 'BINDIR'");
    }
    struct stat status;
    if (stat(folder.c_str(), &status) != 0)
        throw std::runtime_error(server.name + ": " + folder + " is not on this machine");
    const passwd *owner = getpwuid(status.st_uid);
    const std::string as_owner = geteuid() == 0 && owner != nullptr
                                     ? std::string("runuser -u ") + owner->pw_name + " -- "
                                     : "";
    const auto pg_ctl = [&](const std::string &action) {
        const std::string command =
            "cd / && " + as_owner + programs + "/pg_ctl -s -w -t 120 -D '" + folder + "' " + action;
        if (std::system(command.c_str()) != 0)
            throw std::runtime_error("failed: " + command);
    };
    pg_ctl("-m fast stop");
    sync();
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n"; // root may
    pg_ctl("-l '" + folder + ".restart.log' start");
}

/// The slowest setting needed for the recall, as the search section measured it; without that
/// measurement the first everyday one.
Setting
setting_for_recall(const Run &run, const Method &method)
{
    const auto found = run.points.find(method.name());
    const Point *best = nullptr;
    if (found != run.points.end())
        for (const Point &point : found->second)
            if (point.recall10 >= kWantedRecall && (best == nullptr || point.qps > best->qps))
                best = &point;
    for (const Setting &setting : method.sweep)
        if (best != nullptr && setting.label == best->setting)
            return setting;
    return method.everyday.front();
}

double
blocks_read(Connection *connection, const Table &table)
{
    // The backend hands in its counts at the end of a transaction, at most once a second.
    connection->run("SELECT pg_sleep(1.1)");
    return connection->number("SELECT heap_blks_read + coalesce(idx_blks_read, 0) + "
                              "coalesce(toast_blks_read, 0) FROM pg_statio_all_tables WHERE "
                              "relid = '" +
                              table.name + "'::regclass");
}

void
measure_cold(Run *run, const Method &method)
{
    const Dataset &data = *run->data;
    const Table table = make_ready(run, method, false);
    const Setting setting = setting_for_recall(*run, method);
    restart(method.server);
    Connection connection(method.server.url);
    connection.run("SET enable_seqscan = off");
    setting.apply(&connection);
    prepare_search(&connection, data, table, "q", 10);
    const double before = blocks_read(&connection, table);
    std::vector<double> times;
    for (std::size_t q = 0; q < std::min(kQueries, data.query_count()); q++) {
        const auto start = Clock::now();
        connection.execute("q", {vector_parameter(data.query(q), data.dim)});
        times.push_back(1000 * seconds_since(start));
    }
    const double read = (blocks_read(&connection, table) - before) / double(times.size());
    double total = 0;
    for (double t : times)
        total += t;
    Json &json = run->of(method)["cold"];
    json["setting"] = setting.label;
    json["queries"] = times.size();
    json["first_ms"] = times.front();
    json["mean_ms"] = total / double(times.size());
    json["p50_ms"] = quantile(times, 0.5);
    json["p99_ms"] = quantile(times, 0.99);
    json["blocks_read_per_query"] = read;
    run->figures[method.name()]["cold p50 ms"] = quantile(times, 0.5);
    run->figures[method.name()]["cold mean ms"] = total / double(times.size());
    std::printf("%-34s %-28s first %.2f ms, p50 %.2f ms, p99 %.2f ms, %.1f blocks read a query\n",
                method.label().c_str(), setting.label.c_str(), times.front(), quantile(times, 0.5),
                quantile(times, 0.99), read);
    std::fflush(stdout);
}

} // namespace

void
bench_cold(Run *run)
{
    std::printf("\nthe first %zu queries after a restart\n", kQueries);
    for (const Method &method : run->methods)
        measure_cold(run, method);
}

} // namespace bench
