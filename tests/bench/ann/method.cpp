// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/method.hpp"

#include "bench/ann/options.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace bench
{

void
Setting::apply(Connection *connection) const
{
    for (const auto &[name, value] : values)
        connection->run("SET " + name + " = " + value);
}

Server
describe_server(const std::string &name, const std::string &url)
{
    Connection connection(url);
    Server server{name, url, "", connection.value("SHOW server_version")};
    connection.run("CREATE EXTENSION IF NOT EXISTS vector");
    const bool ours = connection.yes("SELECT count(*) > 0 FROM pg_am WHERE amname = 'ivfrabitq'");
    server.product =
        (ours ? "vecmesh " : "pgvector ") +
        connection.value("SELECT extversion FROM pg_extension WHERE extname = 'vector'");
    return server;
}

namespace
{

Setting
one(const std::string &name, const std::string &value)
{
    const std::size_t dot = name.find('.');
    return {(dot == std::string::npos ? name : name.substr(dot + 1)) + " " + value,
            {{name, value}}};
}

void
add_each(std::vector<Setting> *sweep, const std::string &name,
         const std::vector<std::string> &values)
{
    for (const std::string &value : values)
        sweep->push_back(one(name, value));
}

Method
ivfrabitq(const std::vector<std::string> &targets)
{
    Method m;
    m.access_method = "ivfrabitq";
    m.has_filter_columns = true;
    m.sweep = {{"default", {}}};
    if (targets.empty()) {
        add_each(&m.sweep, "ivfrabitq.recall_target",
                 {"0.80", "0.90", "0.95", "0.98", "0.99", "0.992", "0.993", "0.995"});
        add_each(&m.sweep, "ivfrabitq.probes",
                 {"4", "8", "16", "32", "64", "96", "128", "192", "256", "384", "512"});
    } else {
        add_each(&m.sweep, "ivfrabitq.recall_target", targets);
    }
    m.filter_sweep = {{"default", {}}};
    add_each(&m.filter_sweep, "ivfrabitq.recall_target", {"0.90", "0.95", "0.98", "0.99", "0.995"});
    m.everyday = {{"default", {}}, one("ivfrabitq.recall_target", "0.95")};
    return m;
}

/// Iterative scans of pgvector: how it goes on, in what steps, and when it gives up.
std::vector<Setting>
iterative(const std::string &am, const std::string &step, const std::vector<std::string> &steps)
{
    std::vector<Setting> sweep;
    for (const char *mode : {"relaxed_order", "strict_order"})
        for (const std::string &value : steps)
            for (const auto &[tuples, memory] :
                 {std::pair("20000", "1"), std::pair("100000", "8"), std::pair("2000000", "40")})
                sweep.push_back(
                    {std::string(mode) + ", " + step + " " + value + ", max_scan_tuples " + tuples,
                     {{am + ".iterative_scan", mode},
                      {am + "." + step, value},
                      {am + ".max_scan_tuples", tuples},
                      {am + ".scan_mem_multiplier", memory}}});
    return sweep;
}

Method
hnsw(std::vector<std::string> ef_search)
{
    if (ef_search.empty())
        ef_search = {"10", "20", "40", "60", "80", "120", "200", "400", "800"};
    Method m;
    m.access_method = "hnsw";
    m.with = "WITH (m = 16, ef_construction = 64)";
    add_each(&m.sweep, "hnsw.ef_search", ef_search);
    m.filter_sweep = iterative("hnsw", "ef_search", {"40", "100", "200", "400"});
    m.everyday = {one("hnsw.ef_search", "40"), one("hnsw.ef_search", "100")};
    return m;
}

Method
ivfflat(std::size_t rows)
{
    // As pgvector's documentation advises.
    const double lists = rows <= 1000000 ? double(rows) / 1000 : std::sqrt(double(rows));
    Method m;
    m.access_method = "ivfflat";
    m.with = "WITH (lists = " + std::to_string(std::max(1, int(lists))) + ")";
    add_each(&m.sweep, "ivfflat.probes", {"1", "3", "10", "20", "30", "50", "80", "120"});
    for (const char *probes : {"10", "30", "60"})
        m.filter_sweep.push_back(
            {std::string("relaxed_order, probes ") + probes,
             {{"ivfflat.iterative_scan", "relaxed_order"}, {"ivfflat.probes", probes}}});
    m.everyday = {one("ivfflat.probes", "10"), one("ivfflat.probes", "30")};
    return m;
}

Method
from_words(const std::string &words)
{
    const std::size_t first = words.find(';');
    const std::size_t second = first == std::string::npos ? first : words.find(';', first + 1);
    const std::size_t equals = second == std::string::npos ? second : words.find('=', second);
    if (equals == std::string::npos)
        throw std::runtime_error("--method: not 'AM;WITH clause;SETTING=VALUE,VALUE': " + words);
    Method m;
    m.access_method = words.substr(0, first);
    m.with = words.substr(first + 1, second - first - 1);
    add_each(&m.sweep, words.substr(second + 1, equals - second - 1),
             split(words.substr(equals + 1)));
    m.filter_sweep = m.everyday = m.sweep;
    return m;
}

} // namespace

std::vector<Method>
find_methods(const Server &server, std::size_t rows, const Choice &choice)
{
    const std::vector<std::string> &wanted = choice.names;
    std::vector<Method> known = {ivfrabitq(choice.targets), hnsw(choice.ef_search), ivfflat(rows)};
    std::vector<Method> found;
    for (const std::string &words : choice.extra)
        known.push_back(from_words(words));
    Connection connection(server.url);
    for (Method &m : known) {
        const bool chosen =
            wanted.empty() || std::count(wanted.begin(), wanted.end(), m.access_method) > 0;
        if (!chosen || !connection.yes("SELECT count(*) > 0 FROM pg_am WHERE amname = '" +
                                       m.access_method + "'"))
            continue;
        m.server = server;
        found.push_back(m);
    }
    return found;
}

std::string
operator_class(const Dataset &data)
{
    return data.cosine ? "vector_cosine_ops" : "vector_l2_ops";
}

std::string
distance_operator(const Dataset &data)
{
    return data.cosine ? "<=>" : "<->";
}

} // namespace bench
