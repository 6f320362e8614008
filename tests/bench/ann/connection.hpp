// SPDX-License-Identifier: PostgreSQL
//
// A connection to a server, and prepared statements that take and give binary values: what a client
// that cares about time does. Errors are thrown as std::runtime_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <vector>

namespace bench
{

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

/// A parameter in binary form.
struct Parameter {
    std::string bytes;
};

Parameter vector_parameter(const float *vector, std::size_t dim);
Parameter int_parameter(std::int32_t value);

class Connection
{
  public:
    /// database: instead of the one that the URL names; empty: that one.
    explicit Connection(const std::string &url, const std::string &database = "");

    /// One or several statements in one simple query.
    Result run(const std::string &sql);

    /// The first column of the first row of the last statement; empty for none and for NULL.
    std::string value(const std::string &sql);
    double number(const std::string &sql);

    bool yes(const std::string &sql) { return value(sql) == "t"; }

    void prepare(const std::string &name, const std::string &sql);
    Result execute(const std::string &name, const std::vector<Parameter> &parameters);

    /// COPY … FROM STDIN (FORMAT binary), then copy_row() for each row, then end_copy().
    void begin_copy(const std::string &sql);
    void copy_row(const std::vector<std::string> &fields); // in binary form
    void end_copy();

    int backend() const { return PQbackendPID(connection_.get()); }

    std::string database() const { return PQdb(connection_.get()); }

  private:
    Result check(PGresult *result);
    void flush_copy();

    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    std::string copy_buffer_;
};

std::string int_field(std::int32_t value);
std::string vector_field(const float *vector, std::size_t dim);

/// The int4s of the first column of a binary result.
std::vector<std::int32_t> ids_of(const PGresult *result);

} // namespace bench
