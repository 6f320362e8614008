// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/table.hpp"

#include "bench/ann/clock.hpp"
#include "bench/ann/memory.hpp"

namespace bench
{

Table
table_of(const Dataset &data, const Method &method, bool filtered)
{
    const bool in_index = filtered && method.has_filter_columns;
    return {"bench_" + data.name + "_" + method.access_method + (in_index ? "_filter" : ""),
            !data.buckets.empty(), in_index};
}

void
create_table(Connection *connection, const Dataset &data, const Table &table)
{
    connection->run("DROP TABLE IF EXISTS " + table.name);
    connection->run("CREATE TABLE " + table.name + " (id int PRIMARY KEY, " +
                    (table.with_columns ? "bucket int, kind text, " : "") + "v vector(" +
                    std::to_string(data.dim) + "))");
}

void
copy_rows(Connection *connection, const Dataset &data, const Table &table, std::size_t first,
          std::size_t last, std::size_t step)
{
    connection->begin_copy("COPY " + table.name + " FROM STDIN (FORMAT binary)");
    for (std::size_t i = first; i < last; i += step) {
        std::vector<std::string> fields = {int_field(std::int32_t(i))};
        if (table.with_columns) {
            fields.push_back(int_field(data.buckets[i]));
            fields.push_back(data.kinds[i]);
        }
        fields.push_back(vector_field(data.row(i), data.dim));
        connection->copy_row(fields);
    }
    connection->end_copy();
}

void
load_table(Connection *connection, const Dataset &data, const Table &table)
{
    const std::string rows = std::to_string(data.row_count());
    if (connection->yes("SELECT to_regclass('" + table.name + "') IS NOT NULL") &&
        connection->yes("SELECT count(*) = " + rows + " FROM " + table.name))
        return;
    create_table(connection, data, table);
    copy_rows(connection, data, table, 0, data.row_count());
    connection->run("VACUUM ANALYZE " + table.name);
    connection->run("CHECKPOINT");
}

std::string
create_index_sql(const Dataset &data, const Method &method, const Table &table)
{
    return "CREATE INDEX " + table.index() + " ON " + table.name + " USING " +
           method.access_method + " (v " + operator_class(data) +
           (table.in_index ? ", bucket, kind" : "") + ") " + method.with;
}

bool
has_index(Connection *connection, const Table &table)
{
    return connection->yes("SELECT coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = "
                           "to_regclass('" +
                           table.index() + "')), false)");
}

Json
build_index(Connection *connection, const Dataset &data, const Method &method, const Table &table,
            double *seconds, double *bytes)
{
    connection->run("DROP INDEX IF EXISTS " + table.index());
    connection->run("CHECKPOINT");
    MemorySampler memory(method.server.url, connection->database(), connection->backend());
    const auto start = Clock::now();
    connection->run(create_index_sql(data, method, table));
    *seconds = seconds_since(start);
    Json result;
    memory.stop(&result);
    *bytes = connection->number("SELECT pg_relation_size('" + table.index() + "')");
    result["seconds"] = *seconds;
    result["bytes"] = *bytes;
    result["table_bytes"] = connection->number("SELECT pg_table_size('" + table.name + "')");
    connection->run("CHECKPOINT");
    return result;
}

void
warm_up(Connection *connection, const Table &table)
{
    connection->run("CREATE EXTENSION IF NOT EXISTS pg_prewarm");
    connection->run("SELECT pg_prewarm('" + table.name + "')");
    connection->run("SELECT pg_prewarm(indexrelid) FROM pg_index WHERE indrelid = '" + table.name +
                    "'::regclass");
}

static std::string
search_sql(const Dataset &data, const Table &table, std::size_t k, const std::string &where,
           const std::string &vector)
{
    return "SELECT id FROM " + table.name + (where.empty() ? "" : " WHERE " + where) +
           " ORDER BY v " + distance_operator(data) + " " + vector + " LIMIT " + std::to_string(k);
}

void
prepare_search(Connection *connection, const Dataset &data, const Table &table,
               const std::string &name, std::size_t k, const std::string &where)
{
    connection->prepare(name, search_sql(data, table, k, where, "$1"));
}

static std::string
vector_text(const float *vector, std::size_t dim)
{
    std::string text = "'";
    for (std::size_t i = 0; i < dim; i++)
        text += (i == 0 ? "[" : ",") + std::to_string(vector[i]);
    return text + "]'";
}

std::string
plan_of(Connection *connection, const Dataset &data, const Table &table, const std::string &where)
{
    const std::string vector = vector_text(data.query(0), data.dim);
    const Result plan =
        connection->run("EXPLAIN (COSTS off) " + search_sql(data, table, 10, where, vector));
    for (int i = 0; i < PQntuples(plan.get()); i++) {
        std::string line = PQgetvalue(plan.get(), i, 0);
        const std::size_t start = line.find_first_not_of(" ->");
        line = start == std::string::npos ? "" : line.substr(start);
        if (line.find(" on " + table.name) != std::string::npos)
            return line;
    }
    return "";
}

} // namespace bench
