// SPDX-License-Identifier: PostgreSQL
#include "kernel/centroid_codes.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace vx::kernel
{

namespace
{

constexpr double kLargestCode = 127;
constexpr double kLargestPlanes = 127 * 128 + 63;
constexpr double kLargestProduct = 2147483000; // of an int32, less what rounding may add

float
largest_magnitude(const float *x, std::size_t n) noexcept
{
    float largest = 0;
    for (std::size_t i = 0; i < n; i++)
        largest = std::max(largest, std::fabs(x[i]));
    return largest;
}

double
square(const float *x, std::size_t n) noexcept
{
    double sum = 0;
    for (std::size_t i = 0; i < n; i++)
        sum += double(x[i]) * double(x[i]);
    return sum;
}

std::int32_t
rounded(double x, double limit) noexcept
{
    return std::int32_t(std::lrint(std::clamp(x, -limit, limit)));
}

/// A finite float of that size, with room for a sum of two.
float
finite(double x) noexcept
{
    return float(std::min(x, double(std::numeric_limits<float>::max()) / 4));
}

} // namespace

float
quantize_centroid(const float *centroid, std::size_t padded, std::int8_t *codes,
                  float *norm2) noexcept
{
    const float scale = float(double(largest_magnitude(centroid, padded)) / kLargestCode);
    if (scale == 0.0f) {
        std::memset(codes, 0, padded);
        *norm2 = 0;
        return 0;
    }
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < padded; i++) {
        const std::int32_t code = rounded(double(centroid[i]) / double(scale), kLargestCode);
        codes[i] = std::int8_t(code);
        sum += code * code;
    }
    *norm2 = finite(double(scale) * double(scale) * double(sum));
    return scale;
}

void
dequantize_centroid(const std::int8_t *codes, float scale, std::size_t padded, float *out) noexcept
{
    for (std::size_t i = 0; i < padded; i++)
        out[i] = scale * float(codes[i]);
}

void
clear_centroids(std::uint8_t *tiles, std::size_t blocks, std::size_t padded) noexcept
{
    for (std::size_t block = 0; block < blocks; block++) {
        std::uint8_t *first = tiles + block * tiles_per_block(padded) * kTileBytes;
        std::memset(first, 128, tiles_per_block(padded) * kTileBytes);
        for (std::size_t place = 0; place < kBlockCentroids; place++) {
            std::memcpy(first + kScaleTile * kTileBytes + 4 * place, &kNoCentroid.scale, 4);
            std::memcpy(first + kNormTile * kTileBytes + 4 * place, &kNoCentroid.norm2, 4);
        }
    }
}

void
make_plane_query(const float *vector, std::size_t padded, std::int8_t *high, std::int8_t *low,
                 PlaneQuery *out) noexcept
{
    // |<u, v>| <= |u| |v|, |u| <= 127 sqrt(padded): with v short enough the product fits in 32 bits
    // even where the sums on the way wrap around. It matters above some thousand coordinates only.
    const double norm2 = square(vector, padded);
    const double longest = kLargestProduct / (kLargestCode * std::sqrt(double(padded))) -
                           std::sqrt(double(padded)); // rounding lengthens v by less than that
    const double scale = std::max(double(largest_magnitude(vector, padded)) / kLargestPlanes,
                                  std::sqrt(norm2) / longest);
    *out = {high, low, float(scale), finite(norm2), 0, std::uint32_t(padded)};
    if (out->scale == 0.0f) {
        std::memset(high, 0, padded);
        std::memset(low, 0, padded);
        return;
    }
    for (std::size_t i = 0; i < padded; i++) {
        const std::int32_t v = rounded(double(vector[i]) / double(out->scale), kLargestPlanes);
        const std::int32_t h = (v + 64) >> 7;
        high[i] = std::int8_t(h);
        low[i] = std::int8_t(v - 128 * h);
        out->sum += v;
    }
}

} // namespace vx::kernel
