// SPDX-License-Identifier: PostgreSQL
//
// vecmesh cluster status: takes a snapshot of the coordinator's catalogs as a protobuf message
// (distribution/proto/topology.proto), asks each node whether it can be reached from here, and
// prints the message as text, JSON or in its own binary form.
#include "cli/commands.hpp"
#include "cli/database.hpp"
#include "cli/error.hpp"
#include "cli/table_text.hpp"
#include "topology.pb.h"

#include <cstdio>
#include <ctime>
#include <google/protobuf/util/json_util.h>
#include <libpq-fe.h>

namespace cli
{

namespace
{

const std::vector<OptionSpec> kOptions = {
    {"format", "NAME", "text (default), json or protobuf"},
    {"timeout", "SECONDS", "how long to wait for a node (default 5)"},
    {"no-check", nullptr, "do not try to reach the nodes"},
    kDsnOption,
    kHelpOption,
};

void
print_help()
{
    std::printf("usage: vecmesh cluster status [OPTION...]\n\n%s\n"
                "Connects to the coordinator. The exit status is 1 when an active node cannot be "
                "reached.\n",
                describe_options(kOptions).c_str());
}

void
read_nodes(pqxx::transaction_base &work, vecmesh::Topology &topology)
{
    for (const auto &row :
         work.exec("SELECT node_id, group_id, host, port, dbname, role, is_active,"
                   " shards FROM vecmesh.nodes ORDER BY node_id")) {
        vecmesh::Node *node = topology.add_nodes();
        node->set_node_id(row[0].as<int>());
        node->set_group_id(row[1].as<int>());
        node->set_host(row[2].c_str());
        node->set_port(row[3].as<int>());
        node->set_dbname(row[4].c_str());
        node->set_role(row[5].c_str());
        node->set_is_active(row[6].as<bool>());
        node->set_shards(row[7].as<long>());
    }
}

void
read_tables(pqxx::transaction_base &work, vecmesh::Topology &topology)
{
    for (const auto &row : work.exec("SELECT relation::text, method, column_name, colocation_id"
                                     "  FROM vecmesh.tables ORDER BY 1")) {
        vecmesh::Table *table = topology.add_tables();
        table->set_name(row[0].c_str());
        table->set_method(row[1].c_str());
        table->set_column(row[2].c_str());
        table->set_colocation_id(row[3].as<int>());
        for (const auto &shard_row :
             work.exec_params("SELECT shard_id, format('%I.%I', schema_name, shard_name), min_hash,"
                              " max_hash, node_id FROM vecmesh.shards"
                              " WHERE relation = $1::regclass ORDER BY min_hash",
                              table->name())) {
            vecmesh::Shard *shard = table->add_shards();
            shard->set_shard_id(shard_row[0].as<long>());
            shard->set_name(shard_row[1].c_str());
            shard->set_min_hash(shard_row[2].as<long>());
            shard->set_max_hash(shard_row[3].as<long>());
            shard->set_node_id(shard_row[4].is_null() ? 0 : shard_row[4].as<int>());
        }
    }
}

/// Tries to log in from here with the user of our own session.
void
check_node(vecmesh::Node &node, const std::string &user, int timeout)
{
    const std::string port = std::to_string(node.port()), seconds = std::to_string(timeout);
    const char *names[] = {
        "host", "port", "dbname", "user", "connect_timeout", "fallback_application_name", nullptr};
    const char *values[] = {
        node.host().c_str(), port.c_str(), node.dbname().c_str(), user.c_str(), seconds.c_str(),
        "vecmesh",           nullptr};
    PGconn *connection = PQconnectdbParams(names, values, 0);
    node.set_reachable(PQstatus(connection) == CONNECTION_OK);
    if (!node.reachable()) {
        std::string error = PQerrorMessage(connection);
        error.erase(error.find_last_not_of('\n') + 1);
        node.set_error(error);
    }
    PQfinish(connection);
}

vecmesh::Topology
take_snapshot(const Options &options)
{
    Database database(options.get("dsn"));
    vecmesh::Topology topology;
    topology.set_coordinator(database.label());
    topology.set_taken_at(std::time(nullptr));
    {
        // One snapshot for all catalogs.
        pqxx::transaction<pqxx::repeatable_read> work(database);
        const auto version =
            work.exec("SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vecmesh'");
        if (version.empty())
            throw CommandError("database " + database.label() +
                               " has no extension vecmesh: connect to the coordinator");
        topology.set_vecmesh_version(version[0][0].c_str());
        topology.set_cluster_id(work.exec1("SELECT cluster_id FROM vecmesh.cluster")[0].c_str());
        read_nodes(work, topology);
        read_tables(work, topology);
    }
    if (!options.has("no-check"))
        for (vecmesh::Node &node : *topology.mutable_nodes())
            check_node(node, database.username(),
                       static_cast<int>(options.number("timeout", 5, 2, 600)));
    return topology;
}

std::string
node_state(const vecmesh::Node &node, bool checked)
{
    if (!node.is_active())
        return "inactive";
    if (!checked)
        return "not asked";
    return node.reachable() ? "ok" : node.error();
}

void
print_text(const vecmesh::Topology &topology, bool checked)
{
    std::printf("coordinator %s, vecmesh %s, cluster %s\n\n", topology.coordinator().c_str(),
                topology.vecmesh_version().c_str(), topology.cluster_id().c_str());
    std::vector<std::vector<std::string>> rows;
    for (const vecmesh::Node &node : topology.nodes())
        rows.push_back({std::to_string(node.node_id()),
                        node.host() + ":" + std::to_string(node.port()) + "/" + node.dbname(),
                        node.role(), std::to_string(node.shards()), node_state(node, checked)});
    std::fputs(table_text({"node", "address", "role", "shards", "state"}, rows, 0).c_str(), stdout);
    if (topology.tables().empty()) {
        std::puts("\nno distributed tables");
        return;
    }
    rows.clear();
    for (const vecmesh::Table &table : topology.tables())
        rows.push_back({table.name(), table.method() + " (" + table.column() + ")",
                        std::to_string(table.shards_size()),
                        std::to_string(table.colocation_id())});
    std::putchar('\n');
    std::fputs(table_text({"table", "distributed by", "shards", "co-location"}, rows, 0).c_str(),
               stdout);
}

void
print_topology(const vecmesh::Topology &topology, const std::string &format, bool checked)
{
    if (format == "text")
        return print_text(topology, checked);
    std::string bytes;
    if (format == "json") {
        google::protobuf::util::JsonPrintOptions style;
        style.add_whitespace = true;
        style.always_print_primitive_fields = true;
        style.preserve_proto_field_names = true;
        if (!google::protobuf::util::MessageToJsonString(topology, &bytes, style).ok())
            throw CommandError("the snapshot cannot be written as JSON");
    } else if (!topology.SerializeToString(&bytes)) {
        throw CommandError("the snapshot cannot be serialized");
    }
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
}

} // namespace

void
cluster_status(const std::vector<std::string> &arguments)
{
    const Options options(kOptions, arguments);
    if (options.has("help"))
        return print_help();
    if (!options.positional().empty())
        throw UsageError("cluster status: unexpected argument " + options.positional()[0]);
    const std::string format = options.get("format", "text");
    if (format != "text" && format != "json" && format != "protobuf")
        throw UsageError("unknown format \"" + format + "\": text, json or protobuf");

    const vecmesh::Topology topology = take_snapshot(options);
    const bool checked = !options.has("no-check");
    print_topology(topology, format, checked);
    for (const vecmesh::Node &node : topology.nodes())
        if (checked && node.is_active() && !node.reachable())
            throw CommandError("node " + node.host() + ":" + std::to_string(node.port()) + "/" +
                               node.dbname() + " cannot be reached");
}

} // namespace cli
