// SPDX-License-Identifier: PostgreSQL
#include "cli/options.hpp"

#include "cli/error.hpp"

#include <algorithm>
#include <charconv>

namespace cli
{

Options::Options(const std::vector<OptionSpec> &specs, const std::vector<std::string> &arguments)
{
    for (size_t i = 0; i < arguments.size(); i++) {
        const std::string &argument = arguments[i];
        if (argument.size() < 2 || argument[0] != '-') {
            positional_.push_back(argument);
            continue;
        }
        const bool is_long = argument[1] == '-';
        const size_t equals = is_long ? argument.find('=') : std::string::npos;
        const std::string name = argument.substr(is_long ? 2 : 1, equals - (is_long ? 2 : 1));
        const auto spec = std::find_if(specs.begin(), specs.end(),
                                       [&](const OptionSpec &s) { return name == s.name; });
        if (spec == specs.end() || is_long != (name.size() > 1))
            throw UsageError("unknown option " + argument);
        if (!spec->value) {
            if (equals != std::string::npos)
                throw UsageError("option --" + name + " takes no value");
            values_.emplace(name, "");
        } else if (equals != std::string::npos) {
            values_.emplace(name, argument.substr(equals + 1));
        } else if (i + 1 < arguments.size()) {
            values_.emplace(name, arguments[++i]);
        } else {
            throw UsageError("option " + argument + " needs a value");
        }
    }
}

std::string
Options::get(const std::string &name, const std::string &otherwise) const
{
    const auto range = values_.equal_range(name);
    return range.first == range.second ? otherwise : std::prev(range.second)->second;
}

std::string
Options::require(const std::string &name) const
{
    if (!has(name))
        throw UsageError("option --" + name + " is required");
    return get(name);
}

int64_t
Options::number(const std::string &name, int64_t otherwise, int64_t least, int64_t most) const
{
    if (!has(name))
        return otherwise;
    const std::string text = get(name);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
        throw UsageError("option " + name + ": \"" + text + "\" is no whole number from " +
                         std::to_string(least) + " to " + std::to_string(most));
    return value;
}

std::vector<std::string>
Options::all(const std::string &name) const
{
    std::vector<std::string> found;
    const auto range = values_.equal_range(name);
    for (auto it = range.first; it != range.second; ++it)
        found.push_back(it->second);
    return found;
}

std::string
describe_options(const std::vector<OptionSpec> &specs)
{
    constexpr size_t kColumn = 26;
    std::string text;
    for (const OptionSpec &spec : specs) {
        std::string left = std::string("  ") + (spec.name[1] ? "--" : "-") + spec.name;
        if (spec.value)
            left += std::string(" ") + spec.value;
        left.resize(std::max(left.size() + 2, kColumn), ' ');
        text += left;
        for (const char *c = spec.help; *c; c++) {
            text += *c;
            if (*c == '\n')
                text.append(kColumn, ' ');
        }
        text += '\n';
    }
    return text;
}

} // namespace cli
