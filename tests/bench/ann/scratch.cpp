// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/scratch.hpp"

#include <cstdio>
#include <exception>

namespace bench
{

ScratchDatabase::ScratchDatabase(const Server &server, bool copy) : url_(server.url)
{
    const std::string source = Connection(url_).database();
    Connection connection(url_, "postgres"); // nobody may be connected to what is copied
    connection.run(std::string("DROP DATABASE IF EXISTS ") + kName);
    connection.run(std::string("CREATE DATABASE ") + kName +
                   (copy ? " TEMPLATE \"" + source + "\" STRATEGY file_copy" : ""));
    if (!copy)
        connect().run("CREATE EXTENSION IF NOT EXISTS vector");
}

ScratchDatabase::~ScratchDatabase()
try {
    Connection(url_, "postgres").run(std::string("DROP DATABASE IF EXISTS ") + kName);

} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
}

} // namespace bench
