// SPDX-License-Identifier: PostgreSQL
#include "cli/table_text.hpp"

#include <algorithm>

namespace cli
{

static bool
starts_character(char c)
{
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

size_t
display_width(const std::string &text)
{
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string
clip(const std::string &text, size_t width)
{
    if (display_width(text) <= width)
        return text;
    if (width == 0)
        return "";
    std::string kept;
    size_t characters = 0;
    for (const char c : text) {
        if (starts_character(c) && ++characters == width)
            break;
        kept += c;
    }
    return kept + "…";
}

static std::string
table_line(const std::vector<std::string> &cells, const std::vector<size_t> &widths)
{
    std::string line;
    for (size_t i = 0; i < cells.size(); i++) {
        const std::string cell = clip(cells[i], widths[i]);
        line += cell;
        if (i + 1 < cells.size())
            line.append(widths[i] - display_width(cell) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

std::string
table_text(const std::vector<std::string> &header,
           const std::vector<std::vector<std::string>> &rows, size_t width)
{
    constexpr size_t kLeastLast = 20; // of the last column, however narrow the terminal
    constexpr size_t kMostOther = 40;
    std::vector<size_t> widths;
    size_t total = 0;
    for (size_t i = 0; i < header.size(); i++) {
        size_t widest = display_width(header[i]);
        for (const auto &row : rows)
            widest = std::max(widest, display_width(row[i]));
        if (width > 0 && i + 1 < header.size())
            widest = std::min(widest, kMostOther);
        else if (width > 0)
            widest = std::min(widest, std::max(kLeastLast, width > total ? width - total : 0));
        widths.push_back(widest);
        total += widest + 2;
    }
    std::vector<std::string> rules;
    for (const size_t w : widths)
        rules.emplace_back(w, '-');
    std::string text = table_line(header, widths) + table_line(rules, widths);
    for (const auto &row : rows)
        text += table_line(row, widths);
    return text;
}

} // namespace cli
