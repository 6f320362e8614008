// SPDX-License-Identifier: PostgreSQL
//
// As much of JSON as writing a report takes.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bench
{

class Json
{
  public:
    Json() = default; // null

    Json(bool value) : text_(value ? "true" : "false") {}

    Json(double value);

    Json(int value) : Json(double(value)) {}

    Json(std::size_t value) : Json(double(value)) {}

    Json(const std::string &value);

    Json(const char *value) : Json(std::string(value)) {}

    static Json object() { return Json(Kind::object); }

    static Json array() { return Json(Kind::array); }

    /// Of an object; makes the member, at the end, if it is not there. A null becomes an object.
    Json &operator[](const std::string &name);
    /// Of an array. A null becomes an array.
    Json &append(Json value);

    std::string write() const;

  private:
    enum class Kind { scalar, object, array };

    explicit Json(Kind kind) : kind_(kind) {}

    void write(std::string *out, int depth) const;
    bool is_flat() const;

    Kind kind_ = Kind::scalar;
    std::string text_ = "null";
    std::vector<std::pair<std::string, Json>> members_;
};

} // namespace bench
