// SPDX-License-Identifier: PostgreSQL
#include "cli/vector_file.hpp"

#include "cli/error.hpp"
#include "cli/half.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

namespace cli
{

static constexpr int kMaxDim = 16000; // of type vector

namespace
{

struct FormatName {
    const char *name;
    VectorFormat format;
};

constexpr FormatName kFormats[] = {
    {"fvecs", VectorFormat::fvecs}, {"bvecs", VectorFormat::bvecs}, {"fp16", VectorFormat::fp16},
    {"f16", VectorFormat::fp16},    {"fp32", VectorFormat::fp32},   {"f32", VectorFormat::fp32},
    {"npy", VectorFormat::npy},
};

int
element_size(VectorFormat format)
{
    switch (format) {
    case VectorFormat::bvecs:
        return 1;
    case VectorFormat::fp16:
        return 2;
    default:
        return 4;
    }
}

bool
has_row_header(VectorFormat format)
{
    return format == VectorFormat::fvecs || format == VectorFormat::bvecs;
}

/// The text behind `'key':` in the header of an npy file.
std::string
npy_field(const std::string &header, const std::string &key)
{
    size_t at = header.find("'" + key + "'");
    if (at == std::string::npos || (at = header.find(':', at)) == std::string::npos)
        return "";
    at = header.find_first_not_of(' ', at + 1);
    if (at == std::string::npos)
        return "";
    const size_t end = header.find(header[at] == '(' ? ')' : ',', at);
    return header.substr(at, end == std::string::npos ? end : end - at);
}

/// "(20000, 384" -> 20000 and 384.
bool
parse_shape(const std::string &text, int64_t &rows, int64_t &dim)
{
    const char *end = text.data() + text.size();
    if (text.empty() || text[0] != '(')
        return false;
    auto [after_rows, rows_error] = std::from_chars(text.data() + 1, end, rows);
    if (rows_error != std::errc() || after_rows == end || *after_rows != ',')
        return false;
    do {
        after_rows++;
    } while (after_rows < end && *after_rows == ' ');
    auto [after_dim, dim_error] = std::from_chars(after_rows, end, dim);
    return dim_error == std::errc() && after_dim == end;
}

} // namespace

std::optional<VectorFormat>
vector_format_of(const std::string &path)
{
    std::string name = path;
    if (name.size() > 3 && name.compare(name.size() - 3, 3, ".gz") == 0)
        name.resize(name.size() - 3);
    const size_t dot = name.rfind('.');
    for (const FormatName &known : kFormats)
        if (dot != std::string::npos && name.substr(dot + 1) == known.name)
            return known.format;
    return std::nullopt;
}

VectorFormat
vector_format_named(const std::string &name)
{
    for (const FormatName &known : kFormats)
        if (name == known.name)
            return known.format;
    throw UsageError("unknown format \"" + name + "\": fvecs, bvecs, fp16, fp32, npy or csv");
}

VectorFile::VectorFile(const std::string &path, VectorFormat format, int dim)
    : source_(path), format_(format), dim_(dim), element_size_(element_size(format))
{
    if (format == VectorFormat::npy)
        read_npy_header();
    else if (!has_row_header(format) && dim == 0)
        throw UsageError(path + " has no header: give its dimension with --dim");
    count_rows();
}

void
VectorFile::fail(const std::string &what) const
{
    throw CommandError(source_.path() + ": row " + std::to_string(rows_read_) + ": " + what);
}

// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
void
VectorFile::read_npy_header()
{
    const std::string &path = source_.path();
    unsigned char head[12] = {0};
    if (source_.read(head, 8) != 8 || std::memcmp(head, "\x93NUMPY", 6) != 0)
        throw CommandError(path + ": not an npy file");
    const size_t length_size = head[6] == 1 ? 2 : 4;
    if (head[6] < 1 || head[6] > 3 || source_.read(head + 8, length_size) != length_size)
        throw CommandError(path + ": unknown version of the npy format");
    size_t length = head[8] | static_cast<size_t>(head[9]) << 8;
    if (length_size == 4)
        length |= static_cast<size_t>(head[10]) << 16 | static_cast<size_t>(head[11]) << 24;
    if (length > 1 << 20)
        throw CommandError(path + ": damaged npy header");
    std::string header(length, '\0');
    if (source_.read(header.data(), length) != length)
        throw CommandError(path + ": truncated npy header");

    const std::string type = npy_field(header, "descr");
    if (type != "'<f4'" && type != "'<f2'")
        throw CommandError(path + ": element type " + type + ", but only <f4 and <f2 can be read");
    if (npy_field(header, "fortran_order") != "False")
        throw CommandError(path + ": column-major array (save it with numpy.ascontiguousarray)");
    int64_t rows = 0, dim = 0;
    if (!parse_shape(npy_field(header, "shape"), rows, dim) || rows < 0 || dim < 1 || dim > kMaxDim)
        throw CommandError(path + ": shape " + npy_field(header, "shape") +
                           "), but rows of 1 to 16000 dimensions are wanted");
    if (dim_ != 0 && dim != dim_)
        throw CommandError(path + ": " + std::to_string(dim) + " dimensions, not " +
                           std::to_string(dim_));
    dim_ = static_cast<int>(dim);
    element_size_ = type == "'<f2'" ? 2 : 4;
    row_count_ = rows;
}

/// A file of known size without compression tells its row count, and whether its end is missing.
void
VectorFile::count_rows()
{
    if (source_.compressed() || format_ == VectorFormat::npy || dim_ == 0)
        return;
    const uint64_t row_size =
        static_cast<uint64_t>(dim_) * element_size_ + (has_row_header(format_) ? 4 : 0);
    if (source_.file_size() % row_size == 0)
        row_count_ = static_cast<int64_t>(source_.file_size() / row_size);
    else if (!has_row_header(format_))
        throw CommandError(source_.path() + ": " + std::to_string(source_.file_size()) +
                           " bytes are no whole number of rows of " + std::to_string(dim_) +
                           " dimensions (" + std::to_string(row_size) +
                           " bytes each): truncated, or not this dimension");
}

/// The dimension in front of a row of fvecs or bvecs; false at the end of the file.
bool
VectorFile::read_row_header()
{
    unsigned char head[4];
    const size_t got = source_.read(head, 4);
    if (got == 0)
        return false;
    if (got != 4)
        fail("truncated");
    const uint32_t dim = head[0] | static_cast<uint32_t>(head[1]) << 8 |
                         static_cast<uint32_t>(head[2]) << 16 |
                         static_cast<uint32_t>(head[3]) << 24;
    if (dim < 1 || dim > kMaxDim)
        fail("dimension " + std::to_string(static_cast<int32_t>(dim)) +
             ", not within 1 to 16000: damaged, or another format");
    if (dim_ != 0 && static_cast<int>(dim) != dim_)
        fail(std::to_string(dim) + " dimensions, not " + std::to_string(dim_));
    if (dim_ == 0) {
        dim_ = static_cast<int>(dim);
        count_rows();
    }
    return true;
}

bool
VectorFile::next(std::vector<float> &row)
{
    if (format_ == VectorFormat::npy && rows_read_ == *row_count_)
        return false;
    if (has_row_header(format_) && !read_row_header())
        return false;
    bytes_.resize(static_cast<size_t>(dim_) * element_size_);
    const size_t got = source_.read(bytes_.data(), bytes_.size());
    if (got == 0 && (format_ == VectorFormat::fp16 || format_ == VectorFormat::fp32))
        return false;
    if (got != bytes_.size())
        fail("truncated: " + std::to_string(got) + " of " + std::to_string(bytes_.size()) +
             " bytes");

    row.resize(static_cast<size_t>(dim_));
    const unsigned char *p = bytes_.data();
    for (float &value : row) {
        if (element_size_ == 1) {
            value = *p;
        } else if (element_size_ == 2) {
            value = half_to_float(static_cast<uint16_t>(p[0] | p[1] << 8));
        } else {
            const uint32_t bits = p[0] | static_cast<uint32_t>(p[1]) << 8 |
                                  static_cast<uint32_t>(p[2]) << 16 |
                                  static_cast<uint32_t>(p[3]) << 24;
            std::memcpy(&value, &bits, sizeof(value));
        }
        if (!std::isfinite(value))
            fail("an element is not finite");
        p += element_size_;
    }
    rows_read_++;
    return true;
}

} // namespace cli
