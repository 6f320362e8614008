// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/environment.hpp"

#include "kernel/distance.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace bench
{

static std::string
processor_name()
{
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.rfind("model name", 0) == 0)
            return line.substr(line.find(": ") + 2);
    return "unknown";
}

static Json
describe_settings(const Server &server)
{
    Connection connection(server.url);
    Json json;
    json["product"] = server.product;
    json["postgresql"] = server.version;
    std::printf("%s: %s, PostgreSQL %s", server.name.c_str(), server.product.c_str(),
                server.version.c_str());
    for (const char *name :
         {"shared_buffers", "maintenance_work_mem", "max_parallel_maintenance_workers", "work_mem",
          "max_wal_size", "huge_pages", "jit", "autovacuum", "fsync", "synchronous_commit",
          "wal_level"}) {
        const std::string value = connection.value(std::string("SHOW ") + name);
        json[name] = value;
        std::printf(", %s %s", name, value.c_str());
    }
    std::printf("\n");
    return json;
}

Json
describe_environment(const std::vector<Server> &servers, const std::string &commit)
{
    Json json;
    char time[40];
    const std::time_t now = std::time(nullptr);
    std::strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    const double gigabytes =
        double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGE_SIZE)) / (1u << 30);
    json["time"] = time;
    json["commit"] = commit;
    json["processor"] = processor_name();
    json["processors"] = int(std::thread::hardware_concurrency());
    json["memory_gb"] = gigabytes;
    json["kernels"] = vx::kernel::isa_name(vx::kernel::distance_kernels().isa);
    double load[1] = {0};
    if (getloadavg(load, 1) == 1)
        json["load_before"] = load[0]; // 0 on a machine that does nothing else
    for (const Server &server : servers)
        json["servers"][server.name] = describe_settings(server);
    return json;
}

} // namespace bench
