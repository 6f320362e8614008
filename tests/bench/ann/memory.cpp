// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/memory.hpp"

#include "bench/ann/connection.hpp"

#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <sys/stat.h>

namespace bench
{

namespace
{

/// Bytes of a process's own pages: RssAnon of /proc/PID/status. 0: cannot be read.
double
own_bytes(int pid)
{
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    std::string word;
    double kilobytes = 0;
    while (status >> word)
        if (word == "RssAnon:" && status >> kilobytes)
            return 1024 * kilobytes;
    return 0;
}

/// The files of dynamic shared memory that a process has mapped.
void
add_segments(int pid, std::set<std::string> *segments)
{
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(maps, line);) {
        const std::size_t at = line.find("/dev/shm/PostgreSQL.");
        if (at != std::string::npos)
            segments->insert(line.substr(at));
    }
}

double
bytes_of(const std::set<std::string> &files)
{
    double bytes = 0;
    struct stat status;
    for (const std::string &file : files)
        if (stat(file.c_str(), &status) == 0)
            bytes += 512.0 * double(status.st_blocks);
    return bytes;
}

} // namespace

MemorySampler::MemorySampler(const std::string &url, const std::string &database, int backend)
    : thread_(&MemorySampler::sample, this, url, database, backend)
{
}

MemorySampler::~MemorySampler()
{
    ended_ = true;
    if (thread_.joinable())
        thread_.join();
}

void
MemorySampler::sample(const std::string &url, const std::string &database, int backend)
try {
    Connection connection(url, database);
    connection.prepare("pids", "SELECT pid FROM pg_stat_activity WHERE leader_pid = " +
                                   std::to_string(backend));
    while (!ended_) {
        const Result workers = connection.execute("pids", {});
        Peak now;
        std::set<std::string> segments;
        std::vector<std::int32_t> pids = ids_of(workers.get());
        pids.push_back(backend);
        for (std::int32_t pid : pids) {
            now.own += own_bytes(pid);
            add_segments(pid, &segments);
        }
        now.shared = bytes_of(segments);
        now.processes = int(pids.size());
        if (now.own + now.shared > peak_.own + peak_.shared)
            peak_ = now;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }

} catch (const std::exception &) { // the measurement goes on without this figure
    peak_ = {};
}

void
MemorySampler::stop(Json *report)
{
    ended_ = true;
    thread_.join();
    if (peak_.own == 0)
        return;
    (*report)["peak_memory"] = peak_.own + peak_.shared;
    (*report)["peak_shared_segments"] = peak_.shared;
    (*report)["processes_at_peak"] = peak_.processes;
}

} // namespace bench
