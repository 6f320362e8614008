// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/calibrate.hpp"

#include <limits>

namespace vx::ivfrabitq
{

/// An index built without rows knows nothing of its recall: it reads so many times the square root
/// of its lists for recall .95, and more by the square root of what may be missed.
static StopSetting
uncalibrated(double recall_target, uint32 lists)
{
    constexpr double kRoots = 4.0;
    const double missed = Max(1.0 - recall_target, 1e-6);
    const double probes = kRoots * std::sqrt(lists) * std::sqrt(0.05 / missed);
    return {page::StopRule::fixed, Min(Max(probes, 1.0), lists), 0.0, 0.0, 0.0};
}

static double
between(float low, float high, double position)
{
    return static_cast<double>(low) +
           position * (static_cast<double>(high) - static_cast<double>(low));
}

/// The curve at that recall; below its first entry, that.
static page::CalibrationEntry
entry_at(const page::CalibrationCurve &curve, double recall)
{
    uint32 i = 1;
    while (i + 1 < curve.count && static_cast<double>(curve.entries[i].recall) < recall)
        i++;
    const page::CalibrationEntry &low = curve.entries[i - 1];
    const page::CalibrationEntry &high = curve.entries[i];
    const double position =
        recall_position(static_cast<double>(low.recall), static_cast<double>(high.recall), recall);
    page::CalibrationEntry entry = {};
    entry.recall = static_cast<float>(recall);
    entry.probes = static_cast<float>(between(low.probes, high.probes, position));
    entry.adaptive = static_cast<float>(between(low.adaptive, high.adaptive, position));
    entry.rows = static_cast<float>(between(low.rows, high.rows, position));
    return entry;
}

/// What the lists must have, so that the recall is left after estimates have lost a neighbour in
/// five hundred: measured, 0 to 4 in a thousand (SEARCH.md, "Recall").
static double
recall_of_lists(double recall_target)
{
    constexpr double kLost = 0.002;
    return Min(recall_target / (1.0 - kLost), (1.0 + recall_target) / 2.0);
}

StopSetting
stop_setting(const page::Calibration &calibration, double recall_target, uint32 k, uint32 lists)
{
    if (recall_target >= 1.0) // not `lists`: one may be split before the search begins
        return {page::StopRule::fixed, std::numeric_limits<int32>::max(), 0.0, 0.0, 0.0};
    if (calibration.queries == 0)
        return uncalibrated(recall_target, lists);

    const page::CalibrationCurve &few = calibration.curves[0];
    const page::CalibrationCurve &many = calibration.curves[1];
    const page::CalibrationEntry low = entry_at(few, recall_of_lists(recall_target));
    const page::CalibrationEntry high = entry_at(many, recall_of_lists(recall_target));
    const double position = limit_position(few.neighbours, many.neighbours, k);
    // Lists that were split since are as many more to read.
    const double growth = Max(1.0, static_cast<double>(lists) / calibration.lists);
    const double probes = Max(between(low.probes, high.probes, position), low.probes) * growth;
    StopSetting setting;
    setting.rule = calibration.rule;
    setting.probes =
        calibration.rule == page::StopRule::fixed ? Min(Max(std::ceil(probes), 1.0), lists) : lists;
    setting.exponent = static_cast<double>(calibration.exponent);
    setting.adaptive = Max(between(low.adaptive, high.adaptive, position), 0.0);
    setting.rows = Max(between(low.rows, high.rows, position), low.rows);
    return setting;
}

} // namespace vx::ivfrabitq
