// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/chart.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace bench
{

namespace
{

constexpr double kWidth = 760, kHeight = 440;
constexpr double kLeft = 64, kRight = 196, kTop = 58, kBottom = 52;
constexpr double kLeastRecall = 0.8, kMostRecall = 0.9995;
constexpr double kLabelHeight = 15;

// Of middle lightness, told apart by the colour-blind too (after Okabe and Ito).
const char *const kColours[] = {"#0a84d6", "#d9622b", "#12a07a", "#b8862b", "#b565a7", "#7d8590"};

std::string
format(const char *pattern, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(text, sizeof(text), pattern, arguments);
    va_end(arguments);
    return text;
}

std::string
escape(const std::string &text)
{
    std::string out;
    for (const char c : text)
        out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
    return out;
}

double
nines(double recall)
{
    return -std::log10(1 - std::min(std::max(recall, kLeastRecall), kMostRecall));
}

/// From values to places in the picture.
class Axes
{
  public:
    explicit Axes(const std::vector<Series> &series)
    {
        double least = 1e300, most = 1;
        for (const Series &s : series)
            for (const Point &p : s.points) {
                if (p.recall10 < kLeastRecall || p.qps <= 0)
                    continue;
                least = std::min(least, p.qps);
                most = std::max(most, p.qps);
            }
        low_ = std::log10(std::min(least, most)) - 0.08;
        high_ = std::log10(most) + 0.08;
    }

    double x(double recall) const
    {
        const double share =
            (nines(recall) - nines(kLeastRecall)) / (nines(kMostRecall) - nines(kLeastRecall));
        return kLeft + share * (kWidth - kLeft - kRight);
    }

    double y(double qps) const
    {
        const double share = (std::log10(qps) - low_) / (high_ - low_);
        return kHeight - kBottom - share * (kHeight - kTop - kBottom);
    }

    bool shows(double qps) const { return std::log10(qps) >= low_ && std::log10(qps) <= high_; }

  private:
    double low_, high_;
};

std::string
text_at(double x, double y, const char *attributes, const std::string &text)
{
    return format("<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes) + escape(text) + "</text>\n";
}

std::string
grid(const Axes &axes)
{
    std::string out;
    const double bottom = kHeight - kBottom, right = kWidth - kRight;
    for (const char *recall : {"0.8", "0.9", "0.95", "0.98", "0.99", "0.995", "0.999"}) {
        const double x = axes.x(std::stod(recall));
        out += format("<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", x, kTop, bottom);
        out += text_at(x, bottom + 18, "text-anchor=\"middle\"", recall);
    }
    for (double decade = 1; decade < 1e7; decade *= 10)
        for (double step : {1.0, 2.0, 5.0}) {
            if (!axes.shows(decade * step))
                continue;
            const double y = axes.y(decade * step);
            out += format("<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", kLeft, y, right);
            out += text_at(kLeft - 8, y + 4, "text-anchor=\"end\"", format("%.0f", decade * step));
        }
    out += text_at((kLeft + right) / 2, kHeight - 12, "text-anchor=\"middle\"", "recall@10");
    out += text_at(kLeft, kTop - 10, "text-anchor=\"start\"", "queries per second, one client");
    return out;
}

std::string
curve(const Axes &axes, const Series &series, const char *colour)
{
    std::string out, path;
    for (const Point &p : best_points(series.points))
        if (p.recall10 >= kLeastRecall)
            path +=
                format("%c%.1f %.1f", path.empty() ? 'M' : 'L', axes.x(p.recall10), axes.y(p.qps));
    out += format("<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
                  "stroke-linejoin=\"round\" d=\"",
                  colour) +
           path + "\"/>\n";
    for (const Point &p : series.points) {
        if (p.recall10 < kLeastRecall)
            continue;
        const bool as_it_is = p.setting == "default";
        out += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"%s><title>",
                      axes.x(p.recall10), axes.y(p.qps), as_it_is ? 5.5 : 2.6, colour,
                      as_it_is ? " class=\"default\"" : "") +
               escape(series.label + ", " + p.setting) +
               format(": recall %.4f, %.0f queries/s</title></circle>\n", p.recall10, p.qps);
    }
    return out;
}

/// Labels where the lines end, moved apart where they would cover each other.
std::string
labels(const Axes &axes, const std::vector<Series> &series)
{
    struct Label {
        double y;
        std::size_t number;
    };

    std::vector<Label> places;
    for (std::size_t i = 0; i < series.size(); i++) {
        const auto best = best_points(series[i].points);
        if (!best.empty() && best.back().recall10 >= kLeastRecall)
            places.push_back({axes.y(best.back().qps), i});
    }
    std::sort(places.begin(), places.end(),
              [](const Label &a, const Label &b) { return a.y < b.y; });
    for (std::size_t i = 1; i < places.size(); i++)
        places[i].y = std::max(places[i].y, places[i - 1].y + kLabelHeight);
    std::string out;
    for (const Label &place : places) {
        const char *colour = kColours[place.number % (sizeof(kColours) / sizeof(*kColours))];
        out += text_at(kWidth - kRight + 10, place.y + 4,
                       format("class=\"label\" style=\"fill: %s\"", colour).c_str(),
                       series[place.number].label);
    }
    return out;
}

} // namespace

std::string
draw_chart(const std::string &title, const std::string &subtitle, const std::vector<Series> &series)
{
    const Axes axes(series);
    std::string out =
        format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
               "font-family=\"system-ui, sans-serif\" font-size=\"12\">\n",
               kWidth, kHeight) +
        "<style>text { fill: #57606a } .title { fill: #24292f; font-size: 15px; font-weight: 600 } "
        ".label { font-weight: 600 } .grid { stroke: #8c959f; stroke-opacity: .3; fill: none } "
        ".default { stroke: #ffffff; stroke-width: 1.5 } "
        "@media (prefers-color-scheme: dark) { text { fill: #9198a1 } .title { fill: #f0f6fc } "
        ".default { stroke: #0d1117 } }</style>\n";
    out += text_at(kLeft, 20, "class=\"title\"", title);
    out += text_at(kWidth - 12, 20, "text-anchor=\"end\"", subtitle);
    out += grid(axes);
    for (std::size_t i = 0; i < series.size(); i++)
        out += curve(axes, series[i], kColours[i % (sizeof(kColours) / sizeof(*kColours))]);
    return out + labels(axes, series) + "</svg>\n";
}

} // namespace bench
