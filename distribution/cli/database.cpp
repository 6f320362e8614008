// SPDX-License-Identifier: PostgreSQL
#include "cli/database.hpp"

#include "cli/error.hpp"

#include <cstdlib>
#include <libpq-fe.h>

namespace cli
{

/// Names the connection in pg_stat_activity, unless the user did.
static std::string
with_application_name(const std::string &conninfo)
{
    setenv("PGAPPNAME", "vecmesh", 0);
    return conninfo;
}

Database::Database(const std::string &conninfo)
    : connection_base(policy_), policy_(with_application_name(conninfo))
{
    init();
}

std::string
Database::label()
{
    return std::string(hostname() ? hostname() : "local") + ":" + (port() ? port() : "") + "/" +
           dbname();
}

void
Database::fail_copy(const std::string &fallback)
{
    const char *text = PQerrorMessage(policy_.raw());
    throw CommandError(text && *text ? text : fallback);
}

void
Database::begin_copy(const std::string &statement)
{
    PGresult *result = PQexec(policy_.raw(), statement.c_str());
    const bool ready = PQresultStatus(result) == PGRES_COPY_IN;
    PQclear(result);
    if (!ready)
        fail_copy("COPY was refused");
}

void
Database::put_copy_data(const std::string &data)
{
    if (PQputCopyData(policy_.raw(), data.data(), static_cast<int>(data.size())) == 1)
        return;
    // The server has given up on the COPY: its own message says why.
    end_copy();
    fail_copy("the connection was lost during COPY");
}

int64_t
Database::end_copy()
{
    if (PQputCopyEnd(policy_.raw(), nullptr) != 1)
        fail_copy("the connection was lost during COPY");
    int64_t rows = 0;
    std::string error;
    while (PGresult *result = PQgetResult(policy_.raw())) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            rows = std::atoll(PQcmdTuples(result));
        else
            error = PQresultErrorMessage(result);
        PQclear(result);
    }
    if (!error.empty())
        throw CommandError(error);
    return rows;
}

std::string
resolve_table(Database &database, const std::string &table)
{
    pqxx::nontransaction work(database);
    auto found = work.exec_params("SELECT to_regclass($1)::text", table);
    if (found[0][0].is_null())
        found = work.exec_params("SELECT to_regclass(quote_ident($1))::text", table);
    if (found[0][0].is_null())
        throw CommandError("table \"" + table + "\" does not exist in " + database.label());
    return found[0][0].as<std::string>();
}

std::vector<TableColumn>
table_columns(Database &database, const std::string &table)
{
    pqxx::nontransaction work(database);
    const auto rows = work.exec_params("SELECT a.attname, t.typname, a.atttypmod"
                                       "  FROM pg_catalog.pg_attribute a"
                                       "  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
                                       " WHERE a.attrelid = $1::regclass AND a.attnum > 0"
                                       "   AND NOT a.attisdropped AND a.attgenerated = ''"
                                       " ORDER BY a.attnum",
                                       table);
    std::vector<TableColumn> columns;
    for (const auto &row : rows)
        columns.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<int>()});
    return columns;
}

const TableColumn *
find_column(const std::vector<TableColumn> &columns, const std::string &name)
{
    for (const TableColumn &column : columns)
        if (column.name == name)
            return &column;
    return nullptr;
}

static bool
is_vector(const TableColumn &column)
{
    return column.type == "vector" || column.type == "halfvec";
}

const TableColumn &
find_vector_column(const std::vector<TableColumn> &columns, const std::string &name,
                   const std::string &table)
{
    if (!name.empty()) {
        const TableColumn *column = find_column(columns, name);
        if (!column)
            throw CommandError("table " + table + " has no column \"" + name + "\"");
        if (!is_vector(*column))
            throw CommandError("column \"" + name + "\" is of type " + column->type +
                               ", not vector or halfvec");
        return *column;
    }
    const TableColumn *found = nullptr;
    for (const TableColumn &column : columns) {
        if (is_vector(column) && found)
            throw UsageError("table " + table +
                             " has several vector columns: choose with --column");
        if (is_vector(column))
            found = &column;
    }
    if (!found)
        throw CommandError("table " + table + " has no column of type vector or halfvec");
    return *found;
}

} // namespace cli
