// SPDX-License-Identifier: PostgreSQL
//
// What ends a command early. main() prints the text and chooses the exit status.
#pragma once

#include <stdexcept>
#include <string>

namespace cli
{

/// The command line is wrong: exit status 2, with a pointer to --help.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A file, the server or an answer is not as it must be: exit status 1.
struct CommandError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The same, where statuses have a meaning of their own.
struct StatusError : CommandError {
    StatusError(int exit_status, const std::string &text) : CommandError(text), status(exit_status)
    {
    }

    int status;
};

} // namespace cli
