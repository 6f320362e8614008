// SPDX-License-Identifier: PostgreSQL
//
// A copy of the database, files and all, to change and throw away: what is measured on it leaves
// the tables and indexes of the other measurements as they were.
#pragma once

#include "bench/ann/method.hpp"

namespace bench
{

class ScratchDatabase
{
  public:
    /// copy: of the database that the URL names; else an empty one with the extension.
    ScratchDatabase(const Server &server, bool copy);
    ~ScratchDatabase();
    ScratchDatabase(const ScratchDatabase &) = delete;
    ScratchDatabase &operator=(const ScratchDatabase &) = delete;

    Connection connect() const { return Connection(url_, kName); }

  private:
    static constexpr const char *kName = "bench_scratch";
    std::string url_;
};

} // namespace bench
