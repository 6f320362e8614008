// SPDX-License-Identifier: PostgreSQL
//
// `--name value` pairs of a command line.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace bench
{

/// Each function looks for its option and takes it; the last one given counts. They throw
/// std::runtime_error for a value that is missing or not what it must be.
class Options
{
  public:
    Options(int argc, char **argv) : words_(argv + 1, argv + argc) {}

    void text(const std::string &name, std::string *value);
    void texts(const std::string &name, std::vector<std::string> *values); // every one given
    void count(const std::string &name, std::size_t *value);
    void integer(const std::string &name, int *value);
    void number(const std::string &name, double *value);
    void numbers(const std::string &name, std::vector<double> *values); // separated by commas
    void names(const std::string &name, std::vector<std::string> *values);
    bool flag(const std::string &name);

    /// Throws if there is a word that nobody took.
    void finish() const;

  private:
    std::optional<std::string> take(const std::string &name);

    std::vector<std::string> words_;
};

/// The parts between commas.
std::vector<std::string> split(const std::string &list);

} // namespace bench
