// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "bench/ann/bench.hpp"

namespace bench
{

struct Series {
    std::string label;
    std::vector<Point> points; // all that were measured; the line goes through the best ones
};

/// Recall against queries per second as an SVG that reads well on white and on black: further right
/// and further up is better. Recall in nines, the rate in a logarithmic scale.
std::string draw_chart(const std::string &title, const std::string &subtitle,
                       const std::vector<Series> &series);

} // namespace bench
