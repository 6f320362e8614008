// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace bench
{

using Clock = std::chrono::steady_clock;

inline double
seconds_since(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The value that `share` of the values lie below; 0.5: the median. 0 of no values.
inline double
quantile(std::vector<double> values, double share)
{
    if (values.empty())
        return 0;
    const auto at = std::ptrdiff_t(share * double(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[std::size_t(at)];
}

} // namespace bench
