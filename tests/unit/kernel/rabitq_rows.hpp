// SPDX-License-Identifier: PostgreSQL
//
// A group of encoded rows about one centre, and a query: what the tests of the RaBitQ kernels
// share.
#pragma once

#include "kernel/rabitq.hpp"

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace vx::kernel::test
{

using Vector = std::vector<float>;

struct Free {
    void operator()(void *p) const { std::free(p); }
};

template <class T>
std::unique_ptr<T[], Free>
aligned_array(std::size_t count)
{
    const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
    auto *p = static_cast<T *>(std::aligned_alloc(64, bytes));
    std::memset(p, 0, bytes);
    return std::unique_ptr<T[], Free>(p);
}

/// Normal coordinates, as a rotation makes them.
inline Vector
random_vector(std::size_t n, float deviation, std::mt19937 &random)
{
    std::normal_distribution<float> normal(0, deviation);
    Vector x(n);
    for (float &value : x)
        value = normal(random);
    return x;
}

/// Groups in the layout of a scan page: codes, 32 adds, 32 rescales, something else.
class Groups
{
  public:
    Groups(const CodeShape &shape, std::uint32_t count)
        : shape_(shape), count_(count), add_offset_(std::uint32_t(group_code_bytes(shape))),
          bytes_(aligned_array<std::uint8_t>(std::size_t{stride()} * count))
    {
        const std::uint16_t none = kNoRowAdd;
        for (std::uint32_t i = 0; i < count * kGroupRows; i++)
            std::memcpy(factors(i), &none, sizeof(none));
    }

    std::uint32_t stride() const { return add_offset_ + 192; }

    std::uint8_t *group(std::uint32_t row)
    {
        return bytes_.get() + std::size_t{row / std::uint32_t{kGroupRows}} * stride();
    }

    std::uint8_t *factors(std::uint32_t row)
    {
        return group(row) + add_offset_ + 2 * (row % kGroupRows);
    }

    void put(std::uint32_t row, const std::uint8_t *bits, const CodeFactors &f)
    {
        put_scan_code(shape_, group(row), row % kGroupRows, bits);
        std::memcpy(factors(row), &f.scan_add, 2);
        std::memcpy(factors(row) + 64, &f.scan_rescale, 2);
    }

    GroupRun run() const { return {bytes_.get(), stride(), add_offset_, add_offset_ + 64, count_}; }

  private:
    CodeShape shape_;
    std::uint32_t count_;
    std::uint32_t add_offset_;
    std::unique_ptr<std::uint8_t[], Free> bytes_;
};

/// A query prepared for both kinds of codes.
class Query
{
  public:
    Query(const CodeShape &shape, const Vector &query)
        : lut_(aligned_array<std::uint8_t>(4 * shape.scan_dimensions)),
          q8_(aligned_array<std::int8_t>(shape.padded))
    {
        make_scan_query(shape, query.data(), lut_.get(), &scan);
        make_fine_query(shape, query.data(), q8_.get(), &fine);
    }

    ScanQuery scan;
    FineQuery fine;

  private:
    std::unique_ptr<std::uint8_t[], Free> lut_;
    std::unique_ptr<std::int8_t[], Free> q8_;
};

} // namespace vx::kernel::test
