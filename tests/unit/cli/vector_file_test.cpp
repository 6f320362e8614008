// SPDX-License-Identifier: PostgreSQL
#include "cli/error.hpp"
#include "cli/vector_file.hpp"
#include "temporary_file.hpp"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <zlib.h>

using namespace cli;
using Rows = std::vector<std::vector<float>>;

namespace
{

template <class T>
std::string
bytes_of(std::initializer_list<T> values)
{
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.begin(), bytes.size());
    return bytes;
}

std::string
fvecs_row(std::initializer_list<float> values)
{
    return bytes_of<int32_t>({static_cast<int32_t>(values.size())}) + bytes_of<float>(values);
}

std::string
npy(const std::string &dictionary, const std::string &data)
{
    const auto length = static_cast<uint16_t>(dictionary.size());
    return std::string("\x93NUMPY\1\0", 8) + bytes_of<uint16_t>({length}) + dictionary + data;
}

Rows
read_all(const std::string &bytes, VectorFormat format, int dim = 0)
{
    TemporaryFile file(bytes);
    VectorFile vectors(file.path(), format, dim);
    Rows rows;
    std::vector<float> row;
    while (vectors.next(row))
        rows.push_back(row);
    return rows;
}

std::string
error_of(const std::string &bytes, VectorFormat format, int dim = 0)
{
    return message_of<CommandError>([&] { read_all(bytes, format, dim); });
}

} // namespace

#define EXPECT_MENTIONS(text, part)                                                                \
    EXPECT_NE((text).find(part), std::string::npos) << "got: " << (text)

TEST(VectorFile, Fvecs)
{
    EXPECT_EQ(read_all(fvecs_row({1, 2.5, -3}) + fvecs_row({0, 0, 4}), VectorFormat::fvecs),
              (Rows{{1, 2.5, -3}, {0, 0, 4}}));
    EXPECT_EQ(read_all("", VectorFormat::fvecs), Rows{});
}

TEST(VectorFile, FvecsThatAreDamaged)
{
    const std::string row = fvecs_row({1, 2});
    EXPECT_MENTIONS(error_of(row + row.substr(0, 7), VectorFormat::fvecs), "row 1: truncated");
    EXPECT_MENTIONS(error_of(row + row.substr(0, 3), VectorFormat::fvecs), "row 1: truncated");
    EXPECT_MENTIONS(error_of(row + fvecs_row({1}), VectorFormat::fvecs),
                    "row 1: 1 dimensions, not 2");
    EXPECT_MENTIONS(error_of(row, VectorFormat::fvecs, 3), "row 0: 2 dimensions, not 3");
    EXPECT_MENTIONS(error_of(bytes_of<int32_t>({-5}), VectorFormat::fvecs), "dimension -5");
    EXPECT_MENTIONS(error_of(bytes_of<int32_t>({16001}), VectorFormat::fvecs), "dimension 16001");
    EXPECT_MENTIONS(error_of(bytes_of<int32_t>({0}), VectorFormat::fvecs), "dimension 0");
}

TEST(VectorFile, Bvecs)
{
    EXPECT_EQ(read_all(bytes_of<int32_t>({2}) + "\x01\xff", VectorFormat::bvecs), (Rows{{1, 255}}));
}

TEST(VectorFile, RawFloats)
{
    EXPECT_EQ(read_all(bytes_of<float>({1, 2, 3, 4}), VectorFormat::fp32, 2),
              (Rows{{1, 2}, {3, 4}}));
    EXPECT_EQ(read_all(bytes_of<uint16_t>({0x3c00, 0xc000}), VectorFormat::fp16, 1),
              (Rows{{1}, {-2}}));
    EXPECT_MENTIONS(error_of("123456", VectorFormat::fp16, 2), "truncated, or not this dimension");
    EXPECT_MENTIONS(message_of<UsageError>([] { read_all("", VectorFormat::fp16); }), "--dim");
}

TEST(VectorFile, ValuesThatAreNotFinite)
{
    EXPECT_MENTIONS(error_of(bytes_of<float>({1, NAN}), VectorFormat::fp32, 1),
                    "row 1: an element is not finite");
    EXPECT_MENTIONS(error_of(bytes_of<uint16_t>({0x7c00}), VectorFormat::fp16, 1), "not finite");
}

TEST(VectorFile, Npy)
{
    EXPECT_EQ(read_all(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n",
                           bytes_of<float>({1, 2, 3, 4})),
                       VectorFormat::npy),
              (Rows{{1, 2}, {3, 4}}));
    EXPECT_EQ(read_all(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1,1), }",
                           bytes_of<uint16_t>({0x4000})),
                       VectorFormat::npy),
              (Rows{{2}}));
}

TEST(VectorFile, NpyThatCannotBeRead)
{
    const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
    EXPECT_MENTIONS(error_of("PK\3\4 a zip file", VectorFormat::npy), "not an npy file");
    EXPECT_MENTIONS(error_of(npy(good, "1234"), VectorFormat::npy), "row 0: truncated");
    EXPECT_MENTIONS(error_of(npy(good, ""), VectorFormat::npy), "row 0: truncated");
    EXPECT_MENTIONS(error_of(npy(good, "").substr(0, 40), VectorFormat::npy),
                    "truncated npy header");
    EXPECT_MENTIONS(error_of(npy(good, ""), VectorFormat::npy, 3), "2 dimensions, not 3");
    EXPECT_MENTIONS(error_of(npy("{'descr': '<f8', 'shape': (1, 1), }", ""), VectorFormat::npy),
                    "'<f8'");
    EXPECT_MENTIONS(error_of(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", ""),
                             VectorFormat::npy),
                    "column-major");
    for (const char *shape :
         {"(3,)", "(1, 2, 3)", "(2, 0)", "(2, 16001)", "(-1, 2)", "(99999999999999999999, 2)", "("})
        EXPECT_MENTIONS(
            error_of(npy(std::string("{'descr': '<f4', 'fortran_order': False, 'shape': ") + shape +
                             ", }",
                         ""),
                     VectorFormat::npy),
            "shape");
}

TEST(VectorFile, RowCountIsKnownBeforehand)
{
    TemporaryFile file(bytes_of<float>({1, 2, 3, 4}));
    EXPECT_EQ(VectorFile(file.path(), VectorFormat::fp32, 2).row_count(), 2);
    EXPECT_EQ(VectorFile(file.path(), VectorFormat::fvecs, 0).row_count(), std::nullopt);
}

TEST(VectorFile, Gzip)
{
    const std::string plain = fvecs_row({1, 2}) + fvecs_row({3, 4});
    std::string packed(1000, '\0');
    z_stream stream = {};
    ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef *>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);

    EXPECT_EQ(read_all(packed, VectorFormat::fvecs), (Rows{{1, 2}, {3, 4}}));
    EXPECT_NE(error_of(packed.substr(0, packed.size() - 9), VectorFormat::fvecs), "");
}

TEST(VectorFile, FormatByName)
{
    EXPECT_EQ(vector_format_of("a/b.fvecs"), VectorFormat::fvecs);
    EXPECT_EQ(vector_format_of("docs.f16.gz"), VectorFormat::fp16);
    EXPECT_EQ(vector_format_of("x.csv"), std::nullopt);
    EXPECT_EQ(vector_format_of("fvecs"), std::nullopt);
    EXPECT_MENTIONS(message_of<CommandError>([] { ByteSource source("/nonexistent/x"); }),
                    "No such file");
    EXPECT_MENTIONS(message_of<CommandError>([] { ByteSource source("/tmp"); }),
                    "not a regular file");
}
