// SPDX-License-Identifier: PostgreSQL
//
// What only the data can tell, from the sample: how far estimates are off, and which rows are worth
// a second list.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "miscadmin.h"
}

#include "index/common/aligned.hpp"
#include "index/ivfrabitq/options.hpp"
#include "index/ivfrabitq/spill.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace vx::ivfrabitq
{

constexpr uint64 kSeed = 4711;
constexpr uint32 kMeasuredGroups = 32; // of 32 rows
constexpr uint32 kQueries = 8;         // per group
constexpr int64 kSpillSample = 20000;

// An index without rows: what rows of random directions give.
constexpr float kTypicalScanKappa = 0.30f;
constexpr float kTypicalFineKappa = 0.30f;

// ---- errors of estimates

/// 32 rows of the sample, encoded as a group is, and their centres.
struct MeasuredGroup {
    const float *rows[kernel::kGroupRows];
    int32 lists[kernel::kGroupRows];
    kernel::CodeFactors factors[kernel::kGroupRows];
    uint8 *codes; // the group: scan codes, add, rescale
    uint8 *fine;  // fine codes, one after the other
};

struct Measure {
    const BuildState *build;
    kernel::CodeShape shape;
    MeasuredGroup group;
    float *centres; // kGroupRows x padded
    uint8 *bits;
    uint8 *lut;
    int8 *q8;
    double scan_squares;
    double fine_squares;
    int64 scan_count;
    int64 fine_count;
};

static uint8 *
zeroed_bytes(Size count)
{
    auto *bytes = index::aligned_array<uint8>(CurrentMemoryContext, count);
    memset(bytes, 0, count);
    return bytes;
}

static void
begin_measure(Measure *measure, const BuildState *build)
{
    memset(measure, 0, sizeof(*measure));
    measure->build = build;
    measure->shape = build->meta.shape();
    const Size padded = build->padded();
    const Size factors = 2 * kernel::kGroupRows * sizeof(uint16);
    measure->group.codes = zeroed_bytes(kernel::group_code_bytes(measure->shape) + factors);
    measure->group.fine =
        zeroed_bytes(kernel::kGroupRows * kernel::fine_code_bytes(measure->shape));
    measure->centres = static_cast<float *>(palloc(kernel::kGroupRows * padded * sizeof(float)));
    measure->bits = static_cast<uint8 *>(palloc(kernel::scan_code_bytes(measure->shape)));
    measure->lut = zeroed_bytes(4 * Size{measure->shape.scan_dimensions});
    measure->q8 = index::aligned_array<int8>(CurrentMemoryContext, padded);
}

static const float *
random_row(const BuildState *build, pg_prng_state *random)
{
    const auto last = static_cast<uint64>(build->sample_count - 1);
    return build->samples + pg_prng_uint64_range(random, 0, last) * build->padded();
}

static void
encode_group(Measure *measure, RowAssigner *assigner, pg_prng_state *random)
{
    const BuildState *build = measure->build;
    const Size padded = build->padded();
    MeasuredGroup &group = measure->group;
    auto *add = reinterpret_cast<uint16 *>(group.codes + kernel::group_code_bytes(measure->shape));
    uint16 *rescale = add + kernel::kGroupRows;
    for (Size i = 0; i < kernel::kGroupRows; i++) {
        group.rows[i] = random_row(build, random);
        assign_batch(assigner, group.rows[i], 1);
        const int32 list = group.lists[i] = assigner->lists[0];
        float *centre = measure->centres + i * padded;
        kernel::dequantize_centroid(centroid_codes(build->centres, list),
                                    build->centres.scales[list], padded, centre);
        kernel::encode(measure->shape, build->meta.code_metric(), group.rows[i], centre,
                       measure->bits, group.fine + i * kernel::fine_code_bytes(measure->shape),
                       &group.factors[i]);
        kernel::put_scan_code(measure->shape, group.codes, i, measure->bits);
        add[i] = group.factors[i].scan_add;
        rescale[i] = group.factors[i].scan_rescale;
    }
}

/// Adds the squared error of an estimate, in units of |rescale| * |q - c|, unless the row's
/// estimate is unbounded, or so good (the row is hardly farther from its centre than single
/// precision sees) that the error is only that of rounding sums of that size.
static void
add_error(double error, double unit, double size, double *squares, int64 *count)
{
    constexpr double kRounding = 1e-5;
    const double relative = error / unit;
    if (unit > kRounding * size && std::isfinite(relative)) {
        *squares += relative * relative;
        *count += 1;
    }
}

struct Pair {
    double distance; // as the metric has it
    float g;
    double to_centre; // |q - c|
};

static Pair
compare(kernel::CodeMetric metric, const float *query, const float *row, const float *centre,
        uint32 n)
{
    double difference = 0, ip_row = 0, ip_centre = 0, centre_difference = 0;
    for (uint32 i = 0; i < n; i++) {
        const double q = query[i], o = row[i], c = centre[i];
        difference += (q - o) * (q - o);
        centre_difference += (q - c) * (q - c);
        ip_row += q * o;
        ip_centre += q * c;
    }
    if (metric == kernel::CodeMetric::l2)
        return {difference, static_cast<float>(centre_difference), std::sqrt(centre_difference)};
    return {-ip_row, static_cast<float>(-ip_centre), std::sqrt(centre_difference)};
}

static void
measure_query(Measure *measure, const float *query)
{
    const kernel::RabitqKernels &kernels = kernel::rabitq_kernels();
    const kernel::CodeShape &shape = measure->shape;
    const MeasuredGroup &group = measure->group;
    kernel::ScanQuery scan;
    kernel::FineQuery fine;
    kernel::make_scan_query(shape, query, measure->lut, &scan);
    kernel::make_fine_query(shape, query, measure->q8, &fine);

    const auto add_offset = static_cast<uint32>(kernel::group_code_bytes(shape));
    const kernel::GroupRun run = {
        group.codes, 0, add_offset,
        static_cast<uint32>(add_offset + kernel::kGroupRows * sizeof(uint16)), 1};
    kernel::Survivor rows[kernel::kGroupRows];
    const uint32 count = kernels.scan_groups(scan, run, nullptr, 0.0f, 0.0f, FLT_MAX, rows);
    for (uint32 i = 0; i < count; i++) {
        const uint32 slot = rows[i].slot;
        const kernel::CodeFactors &factors = group.factors[slot];
        const Pair pair = compare(measure->build->meta.code_metric(), query, group.rows[slot],
                                  measure->centres + Size{slot} * shape.padded, shape.padded);
        const double rescale =
            std::fabs(static_cast<double>(kernel::float_from_half(factors.scan_rescale)));
        const double size = std::fabs(pair.distance) + std::fabs(static_cast<double>(pair.g));
        add_error(static_cast<double>(rows[i].lower + pair.g) - pair.distance,
                  rescale * pair.to_centre, size, &measure->scan_squares, &measure->scan_count);

        const uint8 *record = group.fine + slot * kernel::fine_code_bytes(shape);
        int32 dot;
        kernels.fine_dots(fine, &record, 1, &dot);
        const float estimate = kernel::fine_estimate(fine, dot, rows[i].ip, factors.fine_add,
                                                     factors.fine_rescale, pair.g);
        add_error(static_cast<double>(estimate) - pair.distance,
                  std::fabs(static_cast<double>(factors.fine_rescale)) * pair.to_centre, size,
                  &measure->fine_squares, &measure->fine_count);
    }
}

/// Not below what later rows are sure to have: between clusters that lie along a line, estimates
/// are better than any others.
static float
deviation(double squares, int64 count, float otherwise)
{
    constexpr float kLeastShare = 0.8f; // of what rows of random directions give
    if (count == 0)
        return otherwise;
    const auto measured = static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
    return Max(measured, kLeastShare * otherwise);
}

static void
measure_errors(BuildState *build)
{
    Measure measure;
    begin_measure(&measure, build);
    RowAssigner assigner;
    make_assigner(&build->centres, 1, 1, &assigner);
    pg_prng_state random;
    pg_prng_seed(&random, kSeed);
    for (uint32 i = 0; i < kMeasuredGroups && build->sample_count > 0; i++) {
        encode_group(&measure, &assigner, &random);
        for (uint32 j = 0; j < kQueries; j++) {
            CHECK_FOR_INTERRUPTS();
            measure_query(&measure, random_row(build, &random));
        }
    }
    page::MetaPage &meta = build->meta.page;
    meta.scan_kappa = deviation(measure.scan_squares, measure.scan_count, kTypicalScanKappa);
    meta.fine_kappa = deviation(measure.fine_squares, measure.fine_count, kTypicalFineKappa);
}

// ---- second lists

/// The ratio below which the wanted share of the sample lies.
static float
find_spill_ratio(const BuildState *build, double share)
{
    const int64 step = Max(build->sample_count / kSpillSample, 1);
    const auto most = static_cast<Size>(build->sample_count / step + 1);
    auto *ratios = static_cast<float *>(palloc(most * sizeof(float)));
    Size count = 0;
    RowAssigner assigner;
    SpillChooser chooser;
    make_assigner(&build->centres, kSpillCandidates, 1, &assigner);
    make_spill_chooser(build->padded(), read_centre, &build->centres, &chooser);
    for (int64 i = 0; i < build->sample_count; i += step) {
        const float *row = build->samples + static_cast<Size>(i) * build->padded();
        assign_batch(&assigner, row, 1);
        ratios[count++] = choose_second(&chooser, row, assigner.lists).ratio;
    }
    const auto wanted = static_cast<Size>(share * static_cast<double>(count));
    if (wanted >= count)
        return FLT_MAX;
    std::nth_element(ratios, ratios + wanted, ratios + count);
    return std::min(ratios[wanted], FLT_MAX);
}

void
measure_codes(BuildState *build)
{
    MemoryContext context = AllocSetContextCreate(
        CurrentMemoryContext, "vector ivfrabitq: measuring", ALLOCSET_DEFAULT_SIZES);
    MemoryContext previous = MemoryContextSwitchTo(context);
    measure_errors(build);
    const double share = get_spill(build->index);
    if (share > 0 && build->lists() > 1)
        build->meta.page.spill_ratio =
            build->sample_count > 0 ? find_spill_ratio(build, share) : 0.0f;
    MemoryContextSwitchTo(previous);
    MemoryContextDelete(context);
    if (build->samples != nullptr) {
        pfree(build->samples);
        pfree(build->sample_tids);
    }
    build->samples = nullptr;
    build->sample_tids = nullptr;
}

} // namespace vx::ivfrabitq
