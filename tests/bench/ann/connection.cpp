// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/connection.hpp"

#include <cstring>
#include <stdexcept>

namespace bench
{

namespace
{

template <class T>
void
append_big_endian(std::string *out, T value)
{
    for (int shift = 8 * int(sizeof(T)) - 8; shift >= 0; shift -= 8)
        out->push_back(char(value >> shift & 0xff));
}

} // namespace

std::string
int_field(std::int32_t value)
{
    std::string bytes;
    append_big_endian(&bytes, std::uint32_t(value));
    return bytes;
}

std::string
vector_field(const float *vector, std::size_t dim)
{
    std::string bytes;
    bytes.reserve(4 + 4 * dim);
    append_big_endian(&bytes, std::uint16_t(dim));
    append_big_endian(&bytes, std::uint16_t(0));
    for (std::size_t i = 0; i < dim; i++) {
        std::uint32_t bits;
        std::memcpy(&bits, vector + i, 4);
        append_big_endian(&bytes, bits);
    }
    return bytes;
}

Parameter
vector_parameter(const float *vector, std::size_t dim)
{
    return {vector_field(vector, dim)};
}

Parameter
int_parameter(std::int32_t value)
{
    return {int_field(value)};
}

std::vector<std::int32_t>
ids_of(const PGresult *result)
{
    std::vector<std::int32_t> ids;
    for (int i = 0; i < PQntuples(result); i++) {
        const auto *bytes = reinterpret_cast<const unsigned char *>(PQgetvalue(result, i, 0));
        ids.push_back(std::int32_t(std::uint32_t(bytes[0]) << 24 | std::uint32_t(bytes[1]) << 16 |
                                   std::uint32_t(bytes[2]) << 8 | std::uint32_t(bytes[3])));
    }
    return ids;
}

Connection::Connection(const std::string &url, const std::string &database)
    : connection_(nullptr, PQfinish)
{
    // The first dbname may be a whole connection string; a second one replaces the name in it.
    const char *names[] = {"dbname", database.empty() ? nullptr : "dbname", nullptr};
    const char *values[] = {url.c_str(), database.c_str(), nullptr};
    connection_.reset(PQconnectdbParams(names, values, 1));
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    run("SET client_min_messages = warning");
}

Result
Connection::check(PGresult *result)
{
    Result owned(result, PQclear);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_IN)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    return owned;
}

Result
Connection::run(const std::string &sql)
{
    return check(PQexec(connection_.get(), sql.c_str()));
}

std::string
Connection::value(const std::string &sql)
{
    const Result result = run(sql);
    if (PQntuples(result.get()) == 0)
        return "";
    return PQgetvalue(result.get(), 0, 0);
}

double
Connection::number(const std::string &sql)
{
    const std::string text = value(sql);
    return text.empty() ? 0 : std::stod(text);
}

void
Connection::prepare(const std::string &name, const std::string &sql)
{
    check(PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr));
}

Result
Connection::execute(const std::string &name, const std::vector<Parameter> &parameters)
{
    constexpr std::size_t kMost = 4;
    const char *values[kMost];
    int lengths[kMost], formats[kMost];
    if (parameters.size() > kMost)
        throw std::logic_error("too many parameters");
    for (std::size_t i = 0; i < parameters.size(); i++) {
        values[i] = parameters[i].bytes.data();
        lengths[i] = int(parameters[i].bytes.size());
        formats[i] = 1;
    }
    return check(PQexecPrepared(connection_.get(), name.c_str(), int(parameters.size()), values,
                                lengths, formats, 1));
}

void
Connection::begin_copy(const std::string &sql)
{
    run(sql);
    copy_buffer_.assign("PGCOPY\n\377\r\n\0", 11);
    copy_buffer_.append(8, '\0');
}

void
Connection::flush_copy()
{
    if (PQputCopyData(connection_.get(), copy_buffer_.data(), int(copy_buffer_.size())) != 1)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    copy_buffer_.clear();
}

void
Connection::copy_row(const std::vector<std::string> &fields)
{
    constexpr std::size_t kFlush = 256u << 10;
    append_big_endian(&copy_buffer_, std::uint16_t(fields.size()));
    for (const std::string &field : fields) {
        append_big_endian(&copy_buffer_, std::uint32_t(field.size()));
        copy_buffer_ += field;
    }
    if (copy_buffer_.size() >= kFlush)
        flush_copy();
}

void
Connection::end_copy()
{
    append_big_endian(&copy_buffer_, std::uint16_t(0xffff));
    flush_copy();
    if (PQputCopyEnd(connection_.get(), nullptr) != 1)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    check(PQgetResult(connection_.get()));
    while (PGresult *rest = PQgetResult(connection_.get()))
        PQclear(rest);
}

} // namespace bench
