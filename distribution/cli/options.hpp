// SPDX-License-Identifier: PostgreSQL
//
// Command-line options of the one form `--name value`, `--name=value` or `--flag`, and the help
// text made from the same table.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cli
{

struct OptionSpec {
    const char *name;  ///< without the dashes; "k" is also accepted as -k
    const char *value; ///< what to call the value in the help, nullptr for a flag
    const char *help;
};

class Options
{
  public:
    /// Parses; raises UsageError for an option that the table does not have.
    Options(const std::vector<OptionSpec> &specs, const std::vector<std::string> &arguments);

    bool has(const std::string &name) const { return values_.count(name) != 0; }

    /// The last value given, or the default.
    std::string get(const std::string &name, const std::string &otherwise = "") const;
    /// Raises UsageError when the option is missing.
    std::string require(const std::string &name) const;
    /// A whole number within bounds; raises UsageError otherwise.
    int64_t number(const std::string &name, int64_t otherwise, int64_t least, int64_t most) const;
    /// Every value of an option that may be repeated.
    std::vector<std::string> all(const std::string &name) const;

    const std::vector<std::string> &positional() const { return positional_; }

  private:
    std::multimap<std::string, std::string> values_;
    std::vector<std::string> positional_;
};

/// The part of a help text that lists the options.
std::string describe_options(const std::vector<OptionSpec> &specs);

} // namespace cli
