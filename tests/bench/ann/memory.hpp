// SPDX-License-Identifier: PostgreSQL
//
// How much memory a backend and its parallel workers take while a statement runs.
#pragma once

#include "bench/ann/json.hpp"

#include <atomic>
#include <string>
#include <thread>

namespace bench
{

/// Looks at /proc every 50 ms from a thread of its own. Shared buffers are not counted: what is,
/// are the processes' own pages and the segments of dynamic shared memory. Where /proc cannot be
/// read (another machine, another user) nothing is reported.
class MemorySampler
{
  public:
    MemorySampler(const std::string &url, const std::string &database, int backend);
    ~MemorySampler();
    MemorySampler(const MemorySampler &) = delete;
    MemorySampler &operator=(const MemorySampler &) = delete;

    /// Ends it; adds peak_memory, and its parts at that moment, and processes to the object.
    void stop(Json *report);

  private:
    void sample(const std::string &url, const std::string &database, int backend);

    struct Peak {
        double own = 0, shared = 0;
        int processes = 0;
    };

    std::atomic<bool> ended_{false};
    Peak peak_;
    std::thread thread_;
};

} // namespace bench
