// SPDX-License-Identifier: PostgreSQL
//
// Clients that ask one prepared statement again and again.
#pragma once

#include "bench/ann/connection.hpp"
#include "bench/ann/method.hpp"

#include <functional>

namespace bench
{

struct Load {
    std::string url;
    std::function<void(Connection *)> prepare;      // settings, and the statement named "q"
    std::vector<std::vector<Parameter>> parameters; // of one execution each, in turn
};

struct Rate {
    double qps = 0;
    double p50 = 0, p99 = 0; // milliseconds
};

/// So many clients, each a thread with its own connection, for so many seconds, after each asked a
/// few times to have its plan and its caches.
Rate run_clients(const Load &load, std::size_t clients, double seconds);

/// Every query of the set as the only parameter.
std::vector<std::vector<Parameter>> query_parameters(const Dataset &data);

} // namespace bench
