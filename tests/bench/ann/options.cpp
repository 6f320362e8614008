// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/options.hpp"

#include <algorithm>
#include <stdexcept>

namespace bench
{

std::vector<std::string>
split(const std::string &list)
{
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= list.size();) {
        const std::size_t end = std::min(list.find(',', start), list.size());
        if (end > start)
            parts.push_back(list.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

static double
number_of(const std::string &name, const std::string &text)
{
    std::size_t used = 0;
    double value = 0;
    try {
        value = std::stod(text, &used);
    } catch (const std::logic_error &) {
        used = 0;
    }
    if (used == 0 || used != text.size() || value < 0)
        throw std::runtime_error(name + ": not a number: " + text);
    return value;
}

std::optional<std::string>
Options::take(const std::string &name)
{
    const auto at = std::find(words_.begin(), words_.end(), name);
    if (at == words_.end())
        return {};
    if (at + 1 == words_.end())
        throw std::runtime_error(name + " needs a value");
    std::string value = *(at + 1);
    words_.erase(at, at + 2);
    return value;
}

void
Options::text(const std::string &name, std::string *value)
{
    while (auto word = take(name))
        *value = *word;
}

void
Options::texts(const std::string &name, std::vector<std::string> *values)
{
    while (auto word = take(name))
        values->push_back(*word);
}

void
Options::number(const std::string &name, double *value)
{
    while (auto word = take(name))
        *value = number_of(name, *word);
}

void
Options::count(const std::string &name, std::size_t *value)
{
    auto number = double(*value);
    this->number(name, &number);
    *value = std::size_t(number);
}

void
Options::integer(const std::string &name, int *value)
{
    auto number = double(*value);
    this->number(name, &number);
    *value = int(number);
}

void
Options::numbers(const std::string &name, std::vector<double> *values)
{
    while (auto word = take(name)) {
        values->clear();
        for (const std::string &part : split(*word))
            values->push_back(number_of(name, part));
    }
}

void
Options::names(const std::string &name, std::vector<std::string> *values)
{
    while (auto word = take(name))
        *values = split(*word);
}

bool
Options::flag(const std::string &name)
{
    const auto end = std::remove(words_.begin(), words_.end(), name);
    const bool given = end != words_.end();
    words_.erase(end, words_.end());
    return given;
}

void
Options::finish() const
{
    if (!words_.empty())
        throw std::runtime_error("unknown option " + words_.front());
}

} // namespace bench
