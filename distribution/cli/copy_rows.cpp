// SPDX-License-Identifier: PostgreSQL
//
// The binary form: https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format", and the
// types' receive functions. All integers are big-endian.
#include "cli/copy_rows.hpp"

#include "cli/error.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace cli
{

ColumnKind
column_kind(const std::string &type_name)
{
    static constexpr struct {
        const char *name;
        ColumnKind kind;
    } kKinds[] = {
        {"int2", ColumnKind::int2},     {"int4", ColumnKind::int4},
        {"int8", ColumnKind::int8},     {"float4", ColumnKind::float4},
        {"float8", ColumnKind::float8}, {"bool", ColumnKind::boolean},
        {"text", ColumnKind::text},     {"varchar", ColumnKind::text},
        {"bpchar", ColumnKind::text},   {"json", ColumnKind::text},
        {"jsonb", ColumnKind::jsonb},   {"vector", ColumnKind::vector},
    };

    for (const auto &known : kKinds)
        if (type_name == known.name)
            return known.kind;
    return ColumnKind::other;
}

CopyRows::CopyRows(std::vector<CopyColumn> columns)
    : columns_(std::move(columns)),
      binary_(std::none_of(columns_.begin(), columns_.end(),
                           [](const CopyColumn &c) { return c.kind == ColumnKind::other; }))
{
    if (binary_)
        data_.assign("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19); // signature, flags, no extension
}

template <class T>
void
CopyRows::put_integer(T value)
{
    for (int shift = static_cast<int>(sizeof(T) - 1) * 8; shift >= 0; shift -= 8)
        data_ += static_cast<char>(static_cast<uint64_t>(value) >> shift);
}

/// A field that is one number: its length, then its bytes.
template <class T>
void
CopyRows::put_sized(T value)
{
    put_integer<int32_t>(sizeof(T));
    put_integer(value);
}

void
CopyRows::begin_row()
{
    column_ = 0;
    if (binary_)
        put_integer(static_cast<int16_t>(columns_.size()));
}

void
CopyRows::end_row()
{
    if (!binary_)
        data_ += '\n';
    row_++;
}

void
CopyRows::finish()
{
    if (binary_)
        put_integer<int16_t>(-1);
}

void
CopyRows::fail(const std::string &value) const
{
    throw CommandError("row " + std::to_string(row_) + ": \"" + value +
                       "\" is no value for column " + columns_[column_].name);
}

void
CopyRows::put_text(const std::string &value)
{
    for (const char c : value) {
        switch (c) {
        case '\\':
            data_ += "\\\\";
            break;
        case '\n':
            data_ += "\\n";
            break;
        case '\r':
            data_ += "\\r";
            break;
        case '\t':
            data_ += "\\t";
            break;
        default:
            data_ += c;
        }
    }
}

template <class T>
static bool
parse(const std::string &text, T &value)
{
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end;
}

void
CopyRows::put_binary(const std::string &value)
{
    const auto integer = [&](auto number) {
        if (!parse(value, number))
            fail(value);
        put_sized(number);
    };
    const auto real = [&](auto number, auto bits) {
        if (!parse(value, number))
            fail(value);
        std::memcpy(&bits, &number, sizeof(bits));
        put_sized(bits);
    };
    switch (columns_[column_].kind) {
    case ColumnKind::int2:
        return integer(int16_t{});
    case ColumnKind::int4:
        return integer(int32_t{});
    case ColumnKind::int8:
        return integer(int64_t{});
    case ColumnKind::float4:
        return real(float{}, uint32_t{});
    case ColumnKind::float8:
        return real(double{}, uint64_t{});
    case ColumnKind::boolean: {
        const bool yes = value == "t" || value == "true" || value == "1";
        if (!yes && value != "f" && value != "false" && value != "0")
            fail(value);
        return put_sized(static_cast<int8_t>(yes));
    }
    case ColumnKind::jsonb:
        put_integer(static_cast<int32_t>(value.size() + 1));
        data_ += '\1'; // the version of jsonb's binary form
        data_ += value;
        return;
    case ColumnKind::text:
        put_integer(static_cast<int32_t>(value.size()));
        data_ += value;
        return;
    case ColumnKind::vector:
    case ColumnKind::other:
        fail(value);
    }
}

void
CopyRows::put_field(const Field &field)
{
    if (!binary_ && column_ > 0)
        data_ += '\t';
    if (!field && binary_)
        put_integer<int32_t>(-1);
    else if (!field)
        data_ += "\\N";
    else if (binary_)
        put_binary(*field);
    else
        put_text(*field);
    column_++;
}

void
CopyRows::put_number(int64_t value)
{
    put_field(std::to_string(value));
}

void
CopyRows::put_vector(const std::vector<float> &values)
{
    if (binary_) {
        put_integer(static_cast<int32_t>(4 + 4 * values.size()));
        put_integer(static_cast<int16_t>(values.size()));
        put_integer<int16_t>(0); // unused
        for (const float value : values) {
            uint32_t bits;
            std::memcpy(&bits, &value, sizeof(bits));
            put_integer(bits);
        }
        column_++;
        return;
    }
    std::string text = "[";
    for (const float value : values) {
        char digits[32];
        const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
        static_cast<void>(error); // 32 bytes hold any float
        if (text.size() > 1)
            text += ',';
        text.append(digits, end);
    }
    put_field(text + "]");
}

} // namespace cli
