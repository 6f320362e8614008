// SPDX-License-Identifier: PostgreSQL
#include "cli/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unistd.h>

namespace cli
{

static constexpr double kBarInterval = 0.1;
static constexpr double kLineInterval = 5;

Progress::Style
Progress::style_for_stderr(bool quiet)
{
    if (quiet)
        return Style::none;
    return isatty(STDERR_FILENO) ? Style::bar : Style::lines;
}

Progress::Progress(Style style, std::string what, std::string unit)
    : style_(style), what_(std::move(what)), unit_(std::move(unit)),
      start_(std::chrono::steady_clock::now())
{
}

Progress::~Progress()
{
    hide();
}

void
Progress::hide()
{
    if (!bar_shown_)
        return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    bar_shown_ = false;
    last_ = 0;
}

double
Progress::seconds() const
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void
Progress::update(int64_t amount, std::optional<double> share)
{
    if (style_ == Style::none)
        return;
    const double now = seconds();
    if (now - last_ < (style_ == Style::bar ? kBarInterval : kLineInterval))
        return;
    last_ = now;
    const std::string text = what_ + " " + progress_bar(amount, unit_, share, now);
    if (style_ == Style::bar) {
        std::fprintf(stderr, "\r%s\033[K", text.c_str());
        bar_shown_ = true;
    } else {
        std::fprintf(stderr, "%s\n", text.c_str());
    }
    std::fflush(stderr);
}

std::string
with_thousands(int64_t number)
{
    std::string digits = std::to_string(number);
    const int first = digits[0] == '-' ? 1 : 0;
    for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3)
        digits.insert(static_cast<size_t>(at), ",");
    return digits;
}

std::string
progress_bar(int64_t amount, const std::string &unit, std::optional<double> share, double seconds)
{
    constexpr int kWidth = 24;
    std::string text;
    if (share) {
        const double done = std::clamp(*share, 0.0, 1.0);
        const int filled = static_cast<int>(done * kWidth);
        text = "[" + std::string(static_cast<size_t>(filled), '#') +
               std::string(static_cast<size_t>(kWidth - filled), '.') + "] " +
               std::to_string(static_cast<int>(done * 100)) + " %  ";
    }
    text += with_thousands(amount) + " " + unit;
    if (seconds > 0)
        text += "  " + with_thousands(std::llround(static_cast<double>(amount) / seconds)) + " " +
                unit + "/s";
    if (share && *share > 0 && *share < 1)
        text += "  " + with_thousands(std::llround(seconds * (1 - *share) / *share)) + " s left";
    return text;
}

} // namespace cli
