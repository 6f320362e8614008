// SPDX-License-Identifier: PostgreSQL
//
// vecmesh: the command-line tool. Chooses the command, and turns exceptions into a message and an
// exit status: 1 for a failure, 2 for a wrong command line. `check` has statuses of its own.
#include "cli/commands.hpp"
#include "cli/error.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace
{

constexpr const char *kUsage =
    "usage: vecmesh COMMAND [OPTION...]\n"
    "\n"
    "  load FILE        fill a table from a file of vectors, or from CSV\n"
    "  search           the rows nearest to a vector\n"
    "  check            whether the vector indexes of a database are sound\n"
    "  cluster status   nodes, distributed tables and shards\n"
    "\n"
    "vecmesh COMMAND --help tells the options; vecmesh --version the version.\n";

int
run(std::vector<std::string> arguments)
{
    const std::string command = arguments.empty() ? "--help" : arguments[0];
    if (command == "--help" || command == "help" || command == "-h") {
        std::fputs(kUsage, stdout);
        return 0;
    }
    if (command == "--version") {
        std::puts("vecmesh " VECMESH_VERSION);
        return 0;
    }
    arguments.erase(arguments.begin());
    if (command == "load") {
        cli::load(arguments);
    } else if (command == "search") {
        cli::search(arguments);
    } else if (command == "check") {
        return cli::check(arguments);
    } else if (command == "cluster" && !arguments.empty() && arguments[0] == "status") {
        arguments.erase(arguments.begin());
        cli::cluster_status(arguments);
    } else if (command == "cluster") {
        throw cli::UsageError("cluster: the one subcommand is status");
    } else {
        throw cli::UsageError("unknown command \"" + command + "\"");
    }
    return 0;
}

/// Server messages end in a line feed, ours do not.
void
complain(std::string text)
{
    text.erase(text.find_last_not_of('\n') + 1);
    std::fprintf(stderr, "vecmesh: %s\n", text.c_str());
}

} // namespace

int
main(int argc, char **argv)
{
    try {
        return run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const cli::UsageError &e) {
        complain(e.what());
        std::fputs("vecmesh: try --help\n", stderr);
        return 2;
    } catch (const cli::StatusError &e) {
        complain(e.what());
        return e.status;
    } catch (const std::exception &e) {
        complain(e.what());
        return 1;
    }
}
