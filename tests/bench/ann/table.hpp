// SPDX-License-Identifier: PostgreSQL
//
// The table that a method is measured on, and its index: bench_DATA_METHOD, bench_DATA_METHOD_v.
#pragma once

#include "bench/ann/json.hpp"
#include "bench/ann/method.hpp"

namespace bench
{

struct Table {
    std::string name;
    bool with_columns; // bucket and kind
    bool in_index;     // and the index has them

    std::string index() const { return name + "_v"; }
};

/// The table of this method; `filtered`: the one whose index has the filter columns, where the
/// method knows such.
Table table_of(const Dataset &data, const Method &method, bool filtered);

void create_table(Connection *connection, const Dataset &data, const Table &table);

/// Rows [first, last) of the set, every `step`-th, by COPY; their ids are the numbers in the set.
void copy_rows(Connection *connection, const Dataset &data, const Table &table, std::size_t first,
               std::size_t last, std::size_t step = 1);

/// Makes and fills the table unless it is there with as many rows; then it has no index.
void load_table(Connection *connection, const Dataset &data, const Table &table);

std::string create_index_sql(const Dataset &data, const Method &method, const Table &table);
bool has_index(Connection *connection, const Table &table);

/// Builds the index and tells seconds, bytes, and the memory that the backend and its workers took.
Json build_index(Connection *connection, const Dataset &data, const Method &method,
                 const Table &table, double *seconds, double *bytes);

/// Table, index and shared buffers as a running server has them.
void warm_up(Connection *connection, const Table &table);

/// `SELECT id … ORDER BY … LIMIT k`, prepared under that name; $1 is the query's vector.
void prepare_search(Connection *connection, const Dataset &data, const Table &table,
                    const std::string &name, std::size_t k, const std::string &where = "");

/// The node that reads the table in that statement's plan: "Index Scan using …".
std::string plan_of(Connection *connection, const Dataset &data, const Table &table,
                    const std::string &where = "");

} // namespace bench
