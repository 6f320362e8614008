// SPDX-License-Identifier: PostgreSQL
#include "cli/tsv_file.hpp"

#include "cli/error.hpp"

namespace cli
{

static char
unescape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    default:
        return c;
    }
}

static Field
parse_field(const char *start, const char *end)
{
    if (end - start == 2 && start[0] == '\\' && start[1] == 'N')
        return std::nullopt;
    std::string value;
    value.reserve(static_cast<size_t>(end - start));
    for (const char *c = start; c < end; c++) {
        if (*c == '\\' && c + 1 < end)
            value += unescape(*++c);
        else
            value += *c;
    }
    return value;
}

TsvFile::TsvFile(const std::string &path) : source_(path)
{
    if (!source_.read_line(line_) || line_.empty())
        throw CommandError(path + ": no header line with the names of the columns");
    size_t start = 0;
    for (size_t tab = 0; tab != std::string::npos; start = tab + 1) {
        tab = line_.find('\t', start);
        columns_.push_back(line_.substr(start, tab == std::string::npos ? tab : tab - start));
    }
}

bool
TsvFile::next(std::vector<Field> &fields)
{
    if (!source_.read_line(line_))
        return false;
    line_number_++;
    fields.clear();
    const char *start = line_.data();
    const char *const end = start + line_.size();
    for (const char *c = start;; c++) {
        if (c == end || *c == '\t') {
            fields.push_back(parse_field(start, c));
            start = c + 1;
        }
        if (c == end)
            break;
    }
    if (fields.size() != columns_.size())
        throw CommandError(source_.path() + ": line " + std::to_string(line_number_) + " has " +
                           std::to_string(fields.size()) + " fields, the header has " +
                           std::to_string(columns_.size()));
    return true;
}

} // namespace cli
