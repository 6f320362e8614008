// SPDX-License-Identifier: PostgreSQL
#include "cli/name_pattern.hpp"

#include "cli/error.hpp"

#include <cctype>
#include <cstring>
#include <vector>

namespace cli
{

static void
append_literal(std::string &expression, char c)
{
    if (std::strchr("\\^$.[]|()*+?{}", c))
        expression += '\\';
    expression += c;
}

static void
append_wildcard(std::string &expression, char c)
{
    if (c == '*')
        expression += ".*";
    else if (c == '?')
        expression += '.';
    else
        append_literal(expression, static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
}

NamePattern
parse_name_pattern(const std::string &pattern)
{
    std::vector<std::string> parts(1);
    bool quoted = false;
    for (size_t i = 0; i < pattern.size(); i++) {
        const char c = pattern[i];
        if (quoted && c == '"' && i + 1 < pattern.size() && pattern[i + 1] == '"')
            append_literal(parts.back(), pattern[++i]);
        else if (c == '"')
            quoted = !quoted;
        else if (quoted)
            append_literal(parts.back(), c);
        else if (c == '.')
            parts.emplace_back();
        else
            append_wildcard(parts.back(), c);
    }
    if (quoted || parts.size() > 2 || parts.back().empty() || parts.front().empty())
        throw UsageError("\"" + pattern +
                         "\" is no pattern for a name: [SCHEMA.]NAME with * and ?");
    const auto whole = [](const std::string &part) { return "^(" + part + ")$"; };
    if (parts.size() == 1)
        return {"", whole(parts[0])};
    return {whole(parts[0]), whole(parts[1])};
}

} // namespace cli
