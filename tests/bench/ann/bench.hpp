// SPDX-License-Identifier: PostgreSQL
//
// One run over one data set: what the sections share.
#pragma once

#include "bench/ann/table.hpp"

#include <map>
#include <optional>

namespace bench
{

struct Config {
    std::size_t rounds = 3; // interleaved between the methods; medians count
    double seconds = 3;     // of a measurement of queries per second
    std::vector<double> clients = {1, 2};
    std::size_t most_settings = 0;    // of a sweep, for a trial; 0: all
    bool rebuild = false;             // build indexes anew even if they are there
    double filter_seconds = 5;        // of one setting of a filtered search
    std::size_t insert_rows = 20000;  // by COPY, after as many that warm up
    double insert_seconds = 60;       // but no longer than this for either
    std::size_t growth_rows = 200000; // that the table grows to
};

/// What one setting of a method gives.
struct Point {
    std::string setting;
    double recall10 = 0, recall100 = 0;
    double qps = 0; // one client
};

struct Run {
    const Dataset *data;
    std::vector<Method> methods;
    Config config;
    Json report;                                                  // of this data set
    std::map<std::string, std::vector<Point>> points;             // by the name of the method
    std::map<std::string, std::map<std::string, double>> figures; // for ratios

    Json &of(const Method &method) { return report["methods"][method.name()]; }
};

// The sections; each measures all methods.
void bench_build(Run *run);
void bench_floor(Run *run);
void bench_search(Run *run);
void bench_filter(Run *run);
void bench_insert(Run *run);
void bench_cold(Run *run);
void bench_growth(Run *run);

/// Loads the table and builds the index where they are missing. Returns the table, warm.
Table make_ready(Run *run, const Method &method, bool filtered);

/// Queries per second where the method reaches that recall: between the neighbouring points of its
/// best ones, linear in recall and in the logarithm of the rate. Nothing if it never does.
std::optional<double> rate_at(const std::vector<Point> &points, double recall);

/// The points that no other one beats in both recall and rate, by rising recall.
std::vector<Point> best_points(std::vector<Point> points);

/// Ours against each peer, from the figures of the sections: printed, and put into the report.
void compare(Run *run);

} // namespace bench
