// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "bench/ann/offline_index.hpp"

#include <thread>

namespace bench
{

/// The rows of every list, list after list: starts[l] .. starts[l + 1] in `rows`.
struct Members {
    std::vector<std::size_t> starts;
    std::vector<std::uint32_t> rows;
};

/// body(first, last) over [0, count) on as many threads.
template <class Body>
void
parallel(std::size_t count, int threads, Body &&body)
{
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; t++)
        pool.emplace_back(body, count * std::size_t(t) / std::size_t(threads),
                          count * std::size_t(t + 1) / std::size_t(threads));
    for (std::thread &thread : pool)
        thread.join();
}

/// Fills the scan and fine pages of an index that has its layout, and measures kappa on the way.
void encode_offline(OfflineIndex *index, const Members &members, int threads);

} // namespace bench
