// SPDX-License-Identifier: PostgreSQL
//
// Reads the text form of a dense vector, "[1, -2.5, 3e-4]", into floats: one pass, no allocation,
// no copy of the text.
//
// Each number becomes the nearest float32 (ties to even), exactly as strtof() in the C locale. The
// common number takes a short way: up to 18 significant digits as an integer, eight at a time, one
// double multiplication or division by a power of ten, and a proof that rounding the double to a
// float cannot differ from rounding the exact value (vector_text.cpp, nearest_float). Whatever the
// short way cannot prove, or does not know (hexadecimal, "inf", "nan", subnormals, overflow), goes
// to strtof() itself, so the accepted language is strtof's: that of float4 and of pgvector.
//
// The grammar, s being any of " \t\n\r\v\f":
//   vector := s* '[' s* number s* (',' s* number s*)* ']' s*
#pragma once

#include <cstddef>

namespace vx::kernel
{

enum class TextStatus {
    done,            ///< the whole text was read
    need_space,      ///< `values` is full: call again with more room
    missing_bracket, ///< the text does not start with '['
    no_elements,     ///< "[]"
    too_many,        ///< more than max_elements numbers
    syntax_error,
    out_of_range, ///< the number at `token` overflows float32
    not_a_number,
    infinite,
    trailing_text, ///< something other than white space follows ']'
};

/// A vector's text while it is being read. The caller may move `values` between two calls (to a
/// larger array that starts with the same `count` floats).
class VectorTextReader
{
  public:
    /// `text` must end in '\0' at text[length].
    VectorTextReader(const char *text, std::size_t length, int max_elements) noexcept
        : begin_(text), cursor_(text), end_(text + length), max_elements_(max_elements)
    {
    }

    /// Reads on until the end, the first error, or until `capacity` values are stored and another
    /// follows.
    TextStatus read(float *values, int capacity) noexcept;

    /// Numbers stored so far.
    int count() const noexcept { return count_; }

    /// The offending number, after out_of_range.
    const char *token() const noexcept { return token_; }

    std::size_t token_length() const noexcept { return token_length_; }

  private:
    TextStatus open() noexcept;
    TextStatus read_unusual_number(float &value) noexcept;

    const char *begin_;
    const char *cursor_;
    const char *end_;
    int max_elements_;
    int count_ = 0;
    bool opened_ = false;
    const char *token_ = nullptr;
    std::size_t token_length_ = 0;
};

} // namespace vx::kernel
