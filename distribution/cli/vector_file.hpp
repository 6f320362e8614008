// SPDX-License-Identifier: PostgreSQL
//
// Files of vectors, read row by row as floats:
//
//   fvecs   int32 dimension, then that many float32, for each row (the format of the TEXMEX sets)
//   bvecs   the same with uint8 elements
//   fp16    float16 row after row, without a header: the dimension is told
//   fp32    float32 likewise
//   npy     NumPy's format, a two-dimensional C-ordered array of <f4 or <f2
//
// All are little-endian and may be gzip-compressed. A row cut off, a row of another dimension and a
// value that is not finite raise CommandError with the row's number (from 0).
#pragma once

#include "cli/byte_source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cli
{

enum class VectorFormat { fvecs, bvecs, fp16, fp32, npy };

/// By the file's name, ".gz" aside; nothing for a name that tells nothing.
std::optional<VectorFormat> vector_format_of(const std::string &path);
/// By the name of the format; raises UsageError for an unknown one.
VectorFormat vector_format_named(const std::string &name);

class VectorFile
{
  public:
    /// `dim` is needed for fp16 and fp32; given for another format, it must be the file's.
    VectorFile(const std::string &path, VectorFormat format, int dim);

    int dim() const { return dim_; }

    /// The number of rows, where it can be known before reading.
    std::optional<int64_t> row_count() const { return row_count_; }

    int64_t rows_read() const { return rows_read_; }

    /// The next row, or false at the end.
    bool next(std::vector<float> &row);

    const ByteSource &source() const { return source_; }

  private:
    void read_npy_header();
    void count_rows();
    bool read_row_header();
    [[noreturn]] void fail(const std::string &what) const;

    ByteSource source_;
    VectorFormat format_;
    int dim_;
    int element_size_;
    std::optional<int64_t> row_count_;
    int64_t rows_read_ = 0;
    std::vector<unsigned char> bytes_;
};

} // namespace cli
