// SPDX-License-Identifier: PostgreSQL
//
// Rows in the form that COPY ... FROM STDIN takes: binary where the binary form of every column's
// type is known here, else text. Binary spares the server the parsing of numbers.
#pragma once

#include "cli/tsv_file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cli
{

enum class ColumnKind { int2, int4, int8, float4, float8, boolean, text, jsonb, vector, other };

struct CopyColumn {
    std::string name;
    ColumnKind kind;
};

/// By the type's name, as in pg_type.typname.
ColumnKind column_kind(const std::string &type_name);

class CopyRows
{
  public:
    /// The columns in the order of the fields that put_* will give.
    explicit CopyRows(std::vector<CopyColumn> columns);

    bool binary() const { return binary_; }

    void begin_row();
    /// Raises CommandError when the text is no value of the column's type.
    void put_field(const Field &field);
    void put_number(int64_t value);
    void put_vector(const std::vector<float> &values);
    void end_row();
    void finish();

    /// What was encoded since the last clear().
    const std::string &data() const { return data_; }

    void clear() { data_.clear(); }

  private:
    void put_text(const std::string &value);
    void put_binary(const std::string &value);
    template <class T> void put_integer(T value);
    template <class T> void put_sized(T value);
    [[noreturn]] void fail(const std::string &value) const;

    std::vector<CopyColumn> columns_;
    bool binary_;
    size_t column_ = 0;
    int64_t row_ = 0;
    std::string data_;
};

} // namespace cli
