// SPDX-License-Identifier: PostgreSQL
//
// How far a long command is: a bar with rate and remaining time on a terminal, a line every few
// seconds elsewhere. Written to standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace cli
{

class Progress
{
  public:
    enum class Style { none, bar, lines };

    /// Bar on a terminal, lines elsewhere, nothing when quiet.
    static Style style_for_stderr(bool quiet);

    /// `unit`: of what update() counts.
    Progress(Style style, std::string what, std::string unit = "rows");
    ~Progress();

    /// `share` of the work done, 0 to 1, where it is known.
    void update(int64_t amount, std::optional<double> share);

    /// Wipes the bar away, until the next update().
    void hide();

    double seconds() const;

  private:
    const Style style_;
    const std::string what_;
    const std::string unit_;
    const std::chrono::steady_clock::time_point start_;
    double last_ = 0;
    bool bar_shown_ = false;
};

/// "1,234,567"
std::string with_thousands(int64_t number);
/// "[######......] 50 %  10,000 rows  5,000 rows/s  2 s left"
std::string progress_bar(int64_t amount, const std::string &unit, std::optional<double> share,
                         double seconds);

} // namespace cli
