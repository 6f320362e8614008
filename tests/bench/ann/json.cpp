// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bench
{

Json::Json(double value)
{
    char text[40];
    const bool whole = value == std::floor(value) && std::fabs(value) < 1e15;
    std::snprintf(text, sizeof(text), whole ? "%.0f" : "%.6g", value);
    if (std::isfinite(value))
        text_ = text;
}

Json::Json(const std::string &value) : text_("\"")
{
    for (const char c : value) {
        char escaped[8];
        if (c == '"' || c == '\\')
            text_ += '\\';
        if (static_cast<unsigned char>(c) < 0x20) {
            std::snprintf(escaped, sizeof(escaped), "\\u%04x", unsigned(c));
            text_ += escaped;
        } else {
            text_ += c;
        }
    }
    text_ += '"';
}

Json &
Json::operator[](const std::string &name)
{
    kind_ = Kind::object;
    for (auto &member : members_)
        if (member.first == name)
            return member.second;
    members_.emplace_back(name, Json());
    return members_.back().second;
}

Json &
Json::append(Json value)
{
    kind_ = Kind::array;
    members_.emplace_back("", std::move(value));
    return members_.back().second;
}

bool
Json::is_flat() const
{
    return std::all_of(members_.begin(), members_.end(),
                       [](const auto &m) { return m.second.kind_ == Kind::scalar; });
}

void
Json::write(std::string *out, int depth) const
{
    if (kind_ == Kind::scalar) {
        *out += text_;
        return;
    }
    const bool flat = is_flat() && depth > 1; // a measurement on one line
    const std::string line = flat ? "" : "\n" + std::string(std::size_t(2 * depth), ' ');
    *out += kind_ == Kind::object ? '{' : '[';
    for (std::size_t i = 0; i < members_.size(); i++) {
        if (i > 0)
            *out += flat ? ", " : ",";
        *out += line + (flat ? "" : "  ");
        if (kind_ == Kind::object)
            *out += Json(members_[i].first).text_ + ": ";
        members_[i].second.write(out, depth + 1);
    }
    *out += (members_.empty() ? "" : line) + (kind_ == Kind::object ? "}" : "]");
}

std::string
Json::write() const
{
    std::string out;
    write(&out, 0);
    return out + "\n";
}

} // namespace bench
