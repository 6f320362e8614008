// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/client.hpp"

#include "bench/ann/clock.hpp"

#include <atomic>
#include <exception>
#include <thread>

namespace bench
{

namespace
{

constexpr std::size_t kWarmUp = 30; // PostgreSQL decides on a generic plan after five

struct Shared {
    std::atomic<std::size_t> ready{0};
    std::atomic<bool> go{false}, failed{false};
};

struct Outcome {
    std::vector<double> milliseconds;
    double seconds = 0;
    std::exception_ptr error;
};

void
ask(const Load &load, std::size_t first, double seconds, Shared *shared, Outcome *outcome)
try {
    Connection connection(load.url);
    load.prepare(&connection);
    const std::size_t count = load.parameters.size();
    for (std::size_t i = 0; i < kWarmUp; i++)
        connection.execute("q", load.parameters[(first + i) % count]);
    shared->ready++;
    while (!shared->go)
        std::this_thread::yield();
    const auto start = Clock::now();
    for (std::size_t i = first; outcome->seconds < seconds && !shared->failed; i++) {
        const auto begin = Clock::now();
        connection.execute("q", load.parameters[i % count]);
        outcome->milliseconds.push_back(1000 * seconds_since(begin));
        outcome->seconds = seconds_since(start);
    }

} catch (...) {
    outcome->error = std::current_exception();
    shared->failed = true;
    shared->ready++;
}

} // namespace

Rate
run_clients(const Load &load, std::size_t clients, double seconds)
{
    Shared shared;
    std::vector<Outcome> outcomes(clients);
    std::vector<std::thread> threads;
    for (std::size_t c = 0; c < clients; c++)
        threads.emplace_back(ask, std::cref(load), c * load.parameters.size() / clients, seconds,
                             &shared, &outcomes[c]);
    while (shared.ready < clients)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    shared.go = true;
    for (std::thread &thread : threads)
        thread.join();
    Rate rate;
    std::vector<double> all;
    for (const Outcome &outcome : outcomes) {
        if (outcome.error)
            std::rethrow_exception(outcome.error);
        rate.qps += double(outcome.milliseconds.size()) / outcome.seconds;
        all.insert(all.end(), outcome.milliseconds.begin(), outcome.milliseconds.end());
    }
    rate.p50 = quantile(all, 0.5);
    rate.p99 = quantile(all, 0.99);
    return rate;
}

std::vector<std::vector<Parameter>>
query_parameters(const Dataset &data)
{
    std::vector<std::vector<Parameter>> parameters;
    for (std::size_t q = 0; q < data.query_count(); q++)
        parameters.push_back({vector_parameter(data.query(q), data.dim)});
    return parameters;
}

} // namespace bench
