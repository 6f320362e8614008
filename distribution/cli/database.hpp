// SPDX-License-Identifier: PostgreSQL
//
// A connection through libpqxx, which also gives out libpq's handle: libpqxx 6.4 can write COPY
// data only as lines of text, and binary COPY needs PQputCopyData itself.
#pragma once

#include "cli/options.hpp"

#include <libpq-fe.h>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace cli
{

/// Remembers the handle that libpqxx works with.
class HandlePolicy : public pqxx::connect_direct
{
  public:
    explicit HandlePolicy(const std::string &options) : pqxx::connect_direct(options) {}

    handle do_completeconnect(handle original) override { return handle_ = original; }

    handle raw() const { return handle_; }

  private:
    handle handle_ = nullptr;
};

class Database : public pqxx::connection_base
{
  public:
    explicit Database(const std::string &conninfo);

    ~Database() noexcept { close(); }

    /// "host:port/dbname", for messages.
    std::string label();

    /// For PQcancel(), which another thread may call. PQfreeCancel() it.
    PGcancel *cancel_request() { return PQgetCancel(policy_.raw()); }

    /// COPY ... FROM STDIN on this connection; it must be in no transaction.
    void begin_copy(const std::string &statement);
    void put_copy_data(const std::string &data);
    /// Ends it and waits for the server's verdict; returns the rows it took.
    int64_t end_copy();

  private:
    [[noreturn]] void fail_copy(const std::string &fallback);

    HandlePolicy policy_;
};

struct TableColumn {
    std::string name;
    std::string type; // pg_type.typname
    int type_modifier;
};

/// The columns one can write, in order. Raises CommandError when there is no such table.
std::vector<TableColumn> table_columns(Database &database, const std::string &table);
/// The name as SQL wants it: one that names a relation as it is written stays, others are quoted.
std::string resolve_table(Database &database, const std::string &table);
/// The column named, or the only one of type vector or halfvec. Raises CommandError.
const TableColumn &find_vector_column(const std::vector<TableColumn> &columns,
                                      const std::string &name, const std::string &table);
const TableColumn *find_column(const std::vector<TableColumn> &columns, const std::string &name);

/// The option every command that talks to a server has.
constexpr OptionSpec kDsnOption = {"dsn", "CONNINFO",
                                   "connection string or URI; without it libpq's\nenvironment "
                                   "holds (PGHOST, PGPORT, PGDATABASE, ...)"};
constexpr OptionSpec kHelpOption = {"help", nullptr, "this text"};

} // namespace cli
