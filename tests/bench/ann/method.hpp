// SPDX-License-Identifier: PostgreSQL
//
// What is measured: an access method of one server, with the settings to sweep over.
#pragma once

#include "bench/ann/connection.hpp"
#include "bench/ann/dataset.hpp"

#include <string>
#include <utility>
#include <vector>

namespace bench
{

/// Settings that make one point of a curve.
struct Setting {
    std::string label;
    std::vector<std::pair<std::string, std::string>> values; // SET name = value

    void apply(Connection *connection) const;
};

struct Server {
    std::string name; // ours, peer, peer2 …
    std::string url;
    std::string product; // of the extension "vector"
    std::string version; // of PostgreSQL
};

struct Method {
    Server server;
    std::string access_method;
    std::string with;                // "" or "WITH (…)"
    bool has_filter_columns = false; // the index can hold bucket and kind
    std::vector<Setting> sweep;
    std::vector<Setting> filter_sweep;
    std::vector<Setting> everyday; // few: what people would use

    std::string label() const { return access_method + " (" + server.product + ")"; }

    /// "ours/ivfrabitq": names this method in the JSON.
    std::string name() const { return server.name + "/" + access_method; }
};

Server describe_server(const std::string &name, const std::string &url);

/// What of the methods to measure. Empty: all that is known here.
struct Choice {
    std::vector<std::string> names;
    std::vector<std::string> extra;     // "AM;WITH clause;SETTING=VALUE,VALUE…" each
    std::vector<std::string> targets;   // ivfrabitq.recall_target of the sweep, and no probes
    std::vector<std::string> ef_search; // of hnsw's sweep
};

/// The methods to measure on a server: those of the choice that it has.
std::vector<Method> find_methods(const Server &server, std::size_t rows, const Choice &choice);

/// vector_l2_ops and <->, or vector_cosine_ops and <=>.
std::string operator_class(const Dataset &data);
std::string distance_operator(const Dataset &data);

} // namespace bench
