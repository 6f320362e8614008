// SPDX-License-Identifier: PostgreSQL
//
// From true neighbours to the entries of the metapage. Two passes over the queries: the first
// collects what each neighbour needs (recall_curve.hpp) and so the settings for each recall, the
// second counts the rows that scans with these settings read, which decides the rule.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/calibrate.hpp"

extern "C" {
#include "miscadmin.h"
}

#include "index/common/aligned.hpp"
#include "kernel/centroid_codes.hpp"
#include "kernel/list_order.hpp"

namespace vx::ivfrabitq
{

static const float kRecalls[] = {0.5f,  0.6f,  0.7f,  0.8f,   0.85f, 0.9f,   0.925f, 0.95f,
                                 0.96f, 0.97f, 0.98f, 0.985f, 0.99f, 0.995f, 0.999f, 1.0f};

static_assert(lengthof(kRecalls) == page::kMaxCalibration);

/// The second pass needs no more: rows read vary little from query to query.
constexpr uint32 kCountedQueries = 256;

/// The rules are compared where they matter.
constexpr float kComparedFrom = 0.9f;
constexpr float kComparedTo = 0.99f;

// A list exactly at the limit is not read: the limit is put just beyond.
constexpr float kJustBeyond = 1.0001f;

/// The rules tried. The handicap stands for what rows do not show: calibrated with queries like the
/// rows, exponent .5 also holds for queries unlike them, 0 reads far too much for these and the
/// fixed rule too little (SEARCH.md, "Recall").
struct Rule {
    page::StopRule rule;
    float exponent;
    double handicap;
};

constexpr Rule kRules[] = {
    {page::StopRule::adaptive, 0.5f, 1.0},  {page::StopRule::adaptive, 0.25f, 1.03},
    {page::StopRule::adaptive, 1.0f, 1.03}, {page::StopRule::adaptive, 0.0f, 1.1},
    {page::StopRule::fixed, 0.0f, 1.1},
};

/// Of the nearest kBeamLists so many are to be in the blocks that a search for them reads. Recall
/// falls by up to two thousandths (MEASURED.md); of many lists the last matter less.
constexpr double kShareInBeam[page::kBeams] = {0.99, 0.99, 0.985, 0.98};

constexpr uint32 kRuleCount = lengthof(kRules);
constexpr uint32 kFixedRule = kRuleCount - 1;

struct Work {
    const Truth *truth;
    kernel::CodeMetric metric;
    uint32 padded;
    const uint8 *blocks;
    const uint8 *block_centres;
    uint32 lists;
    const uint32 *list_rows;

    // of the query at hand
    uint32 *order;
    uint64 *scratch;  // for the sorting
    uint32 *ranks;    // of each list
    float *distances; // of each list
    float *g;         // in order
    float *needs;     // in order; of exponent 0
    float length;     // |q|
    int8 *planes;
    TrueNeighbour neighbours[kTruthNeighbours];
    RankedNeighbour ranked[kTruthNeighbours];
    uint32 count;

    // per curve, of every neighbour of every query: rank of its list, and what the list needs
    uint32 *neighbour_ranks[page::kCalibrationCurves];
    float *neighbour_needs[page::kCalibrationCurves];
    Size neighbours_met[page::kCalibrationCurves];
    float *sorted; // room for as many

    // where lists are many: how many of the nearest kBeamLists were in the nearest block, the next,
    // ...
    uint32 block_count;
    uint32 *block_order;
    uint32 *block_ranks;
    float *block_distances;
    uint64 *met_at[page::kBeams];

    // what each rule takes for the recalls of kRecalls, and the rows that scans then read
    float settings[page::kCalibrationCurves][kRuleCount][page::kMaxCalibration];
    double rows[page::kCalibrationCurves][kRuleCount][page::kMaxCalibration];
};

/// g of the 64 centroids of a block.
static void
block_distances(const Work &work, const kernel::PlaneQuery &query, const uint8 *blocks,
                uint32 block, float *g)
{
    const kernel::CentroidKernels &kernels = kernel::centroid_kernels();
    const uint8 *tiles = blocks + block * kernel::tiles_per_block(work.padded) * kernel::kTileBytes;
    const auto *scales = reinterpret_cast<const float *>(tiles);
    const auto *norms = reinterpret_cast<const float *>(tiles + kernel::kTileBytes);
    int32 sums[kernel::kBlockCentroids] = {};
    kernels.add_tiles(query, tiles + kernel::kFactorTiles * kernel::kTileBytes, work.padded / 4, 0,
                      sums);
    kernels.finish_products(query, sums, scales, g);
    for (uint32 i = 0; i < kernel::kBlockCentroids; i++)
        if (std::isinf(norms[i])) // no list, or one that was split
            g[i] = norms[i];
        else
            g[i] = work.metric == kernel::CodeMetric::l2 ? centroid_distance(query, g[i], norms[i])
                                                         : -g[i];
}

/// g of so many centroids.
static void
all_distances(const Work &work, const kernel::PlaneQuery &query, const uint8 *blocks, uint32 count,
              float *out)
{
    for (uint32 first = 0; first < count; first += kernel::kBlockCentroids) {
        float g[kernel::kBlockCentroids];
        block_distances(work, query, blocks, first / kernel::kBlockCentroids, g);
        std::copy_n(g, Min(count - first, kernel::kBlockCentroids), out + first);
    }
}

/// Fills block_ranks: at which place a scan has each block of lists.
static void
rank_blocks(Work *work, const kernel::PlaneQuery &query)
{
    all_distances(*work, query, work->block_centres, work->block_count, work->block_distances);
    kernel::sort_lists(work->block_distances, work->block_count, work->scratch, work->block_order);
    for (uint32 rank = 0; rank < work->block_count; rank++)
        work->block_ranks[work->block_order[rank]] = rank;
}

/// Fills order, g and ranks as a scan for this vector would see the lists.
static void
rank_lists(Work *work, const float *vector)
{
    kernel::PlaneQuery query;
    kernel::make_plane_query(vector, work->padded, work->planes, work->planes + work->padded,
                             &query);
    work->length = std::sqrt(query.norm2);
    if (work->block_centres != nullptr)
        rank_blocks(work, query);
    all_distances(*work, query, work->blocks, work->lists, work->distances);
    kernel::sort_lists(work->distances, work->lists, work->scratch, work->order);
    for (uint32 rank = 0; rank < work->lists; rank++) {
        work->g[rank] = work->distances[work->order[rank]];
        work->ranks[work->order[rank]] = rank;
    }
}

/// Makes query q the one at hand. False: it has no neighbours.
static bool
take_query(Work *work, uint32 q)
{
    CHECK_FOR_INTERRUPTS();
    const TruthQuery query = get_truth(work->truth, q, work->neighbours);
    if (query.neighbours == 0)
        return false;
    rank_lists(work, query.vector);
    work->count = 0;
    for (uint32 i = 0; i < query.neighbours; i++) {
        const TrueNeighbour &neighbour = work->neighbours[i];
        if (neighbour.list < 0)
            continue;
        uint32 rank = work->ranks[neighbour.list];
        if (neighbour.spill_list >= 0)
            rank = Min(rank, work->ranks[neighbour.spill_list]);
        work->ranked[work->count++] = {neighbour.distance, rank};
    }
    return work->count > 0;
}

/// needs of all lists, exponent 0, for the query at hand. The inner product has no T that gaps
/// could be measured by (it may be negative): there they are measured by |q|, which scales as they
/// do.
static void
find_needs(Work *work, uint32 k)
{
    if (work->metric == kernel::CodeMetric::l2) {
        adaptive_needs(work->g, work->lists, work->ranked, work->count, k, work->needs);
        return;
    }
    for (uint32 rank = 0; rank < work->lists; rank++)
        work->needs[rank] = adaptive_need(work->g[rank] - work->g[0], work->length);
}

/// What the list at that rank needs by a rule.
static float
need_by(const Rule &rule, uint32 rank, float need)
{
    const double n = static_cast<double>(rank) + 1.0;
    if (rule.rule == page::StopRule::fixed)
        return static_cast<float>(n);
    const double weighted =
        place_weight(n, static_cast<double>(rule.exponent)) * static_cast<double>(need);
    return Min(static_cast<float>(weighted), kReadAll);
}

/// First pass, one query, recall@k.
static void
collect_needs(Work *work, uint32 curve)
{
    const uint32 k = page::kCalibrationNeighbours[curve];
    find_needs(work, k);
    for (uint32 i = 0; i < Min(k, work->count); i++) {
        const uint32 rank = work->ranked[i].rank;
        const Size at = work->neighbours_met[curve]++;
        work->neighbour_ranks[curve][at] = rank;
        work->neighbour_needs[curve][at] = work->needs[rank];
    }
}

/// In which blocks the nearest lists were. Blocks without a centre are always read.
static void
collect_blocks(Work *work)
{
    for (uint32 rank = 0; rank < Min(work->lists, page::kBeamLists[page::kBeams - 1]); rank++) {
        const uint32 block = work->order[rank] / kernel::kBlockCentroids;
        if (std::isinf(work->g[rank]) || std::isinf(work->block_distances[block]))
            continue;
        for (uint32 i = 0; i < page::kBeams; i++)
            work->met_at[i][work->block_ranks[block]] += rank < page::kBeamLists[i];
    }
}

/// So many blocks have that share of the lists.
static uint32
find_beam(const Work &work, uint32 i)
{
    uint64 all = 0;
    for (uint32 rank = 0; rank < work.block_count; rank++)
        all += work.met_at[i][rank];
    uint64 met = 0;
    uint32 blocks = 0;
    while (blocks < work.block_count &&
           static_cast<double>(met) < kShareInBeam[i] * static_cast<double>(all))
        met += work.met_at[i][blocks++];
    return Max(blocks, 1U);
}

static void
find_settings(Work *work, uint32 curve, uint32 rule)
{
    const Size met = work->neighbours_met[curve];
    for (Size i = 0; i < met; i++)
        work->sorted[i] =
            need_by(kRules[rule], work->neighbour_ranks[curve][i], work->neighbour_needs[curve][i]);
    std::sort(work->sorted, work->sorted + met);
    for (uint32 i = 0; i < page::kMaxCalibration; i++) {
        const auto need = static_cast<float>(
            need_for_recall(work->sorted, met, static_cast<double>(kRecalls[i])));
        work->settings[curve][rule][i] =
            kRules[rule].rule == page::StopRule::fixed ? need : Min(need * kJustBeyond, kReadAll);
    }
}

/// Whether a scan with that setting reads the list at that rank.
static bool
is_read(const Rule &rule, float setting, uint32 rank, float need)
{
    if (rule.rule == page::StopRule::fixed)
        return static_cast<float>(rank) < setting;
    return rank == 0 || need_by(rule, rank, need) < setting;
}

/// Rows that scans of the query at hand read, for one curve and rule.
static void
count_rows(Work *work, uint32 curve, uint32 rule)
{
    const float *settings = work->settings[curve][rule];
    double *sums = work->rows[curve][rule];
    double rows = 0;
    uint32 next = 0;
    for (uint32 rank = 0; rank < work->lists && next < page::kMaxCalibration; rank++) {
        while (next < page::kMaxCalibration &&
               !is_read(kRules[rule], settings[next], rank, work->needs[rank]))
            sums[next++] += rows;
        rows += work->list_rows[work->order[rank]];
    }
    while (next < page::kMaxCalibration)
        sums[next++] += rows;
}

/// Second pass. rows becomes the average over the queries.
static void
count_all_rows(Work *work)
{
    const uint32 queries = truth_queries(work->truth);
    const uint32 step = (queries + kCountedQueries - 1) / kCountedQueries;
    uint32 counted = 0;
    for (uint32 q = 0; q < queries; q += step) {
        if (!take_query(work, q))
            continue;
        counted++;
        for (uint32 c = 0; c < page::kCalibrationCurves; c++) {
            find_needs(work, page::kCalibrationNeighbours[c]);
            for (uint32 rule = 0; rule < kRuleCount; rule++)
                count_rows(work, c, rule);
        }
    }
    for (auto &curve : work->rows)
        for (auto &rule : curve)
            for (double &rows : rule)
                rows /= Max(counted, 1);
}

/// Compared at recall@10, geometric mean over the recalls that people ask for.
static uint32
choose_rule(const Work &work)
{
    uint32 best = 0;
    double least = 0;
    for (uint32 rule = 0; rule < kRuleCount; rule++) {
        double cost = 0;
        int compared = 0;
        for (uint32 i = 0; i < page::kMaxCalibration; i++)
            if (kRecalls[i] >= kComparedFrom && kRecalls[i] <= kComparedTo) {
                cost += std::log(work.rows[0][rule][i] + 1);
                compared++;
            }
        cost = cost / compared + std::log(kRules[rule].handicap);
        if (rule == 0 || cost < least) {
            best = rule;
            least = cost;
        }
    }
    return best;
}

static void *
allocate(Size count, Size size)
{
    return palloc_extended(mul_size(Max(count, 1), size), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
allocate_blocks(Work *work)
{
    work->block_count = static_cast<uint32>(kernel::centroid_blocks(work->lists));
    work->block_order = static_cast<uint32 *>(allocate(work->block_count, sizeof(uint32)));
    work->block_ranks = static_cast<uint32 *>(allocate(work->block_count, sizeof(uint32)));
    work->block_distances = static_cast<float *>(allocate(work->block_count, sizeof(float)));
    for (uint64 *&met_at : work->met_at)
        met_at = static_cast<uint64 *>(allocate(work->block_count, sizeof(uint64)));
}

static Work *
make_work(const Truth *truth, const CalibratedLists &calibrated, const uint32 *list_rows)
{
    const uint32 lists = calibrated.lists;
    auto *work = static_cast<Work *>(palloc0(sizeof(Work)));
    work->truth = truth;
    truth_shape(truth, &work->metric, &work->padded);
    work->blocks = calibrated.blocks;
    work->block_centres = calibrated.block_centres;
    work->lists = lists;
    work->list_rows = list_rows;
    work->order = static_cast<uint32 *>(allocate(lists, sizeof(uint32)));
    work->scratch = static_cast<uint64 *>(allocate(lists, 2 * sizeof(uint64)));
    work->distances = static_cast<float *>(allocate(lists, sizeof(float)));
    work->ranks = static_cast<uint32 *>(allocate(lists, sizeof(uint32)));
    work->g = static_cast<float *>(allocate(lists, sizeof(float)));
    work->needs = static_cast<float *>(allocate(lists, sizeof(float)));
    work->planes = index::aligned_array<int8>(CurrentMemoryContext, 2 * work->padded);
    if (calibrated.block_centres != nullptr)
        allocate_blocks(work);
    Size most = 0;
    for (uint32 c = 0; c < page::kCalibrationCurves; c++) {
        most = static_cast<Size>(truth_queries(truth)) * page::kCalibrationNeighbours[c];
        work->neighbour_ranks[c] = static_cast<uint32 *>(allocate(most, sizeof(uint32)));
        work->neighbour_needs[c] = static_cast<float *>(allocate(most, sizeof(float)));
    }
    work->sorted = static_cast<float *>(allocate(most, sizeof(float)));
    return work;
}

static void
write_entries(const Work &work, uint32 best, page::Calibration *calibration)
{
    calibration->rule = kRules[best].rule;
    calibration->exponent = kRules[best].exponent;
    for (uint32 c = 0; c < page::kCalibrationCurves; c++) {
        page::CalibrationCurve *curve = &calibration->curves[c];
        curve->neighbours = page::kCalibrationNeighbours[c];
        curve->count = page::kMaxCalibration;
        for (uint32 i = 0; i < page::kMaxCalibration; i++) {
            page::CalibrationEntry *entry = &curve->entries[i];
            entry->recall = kRecalls[i];
            entry->probes = work.settings[c][kFixedRule][i];
            if (best != kFixedRule)
                entry->adaptive = work.settings[c][best][i];
            entry->rows = static_cast<float>(work.rows[c][best][i]);
        }
    }
}

page::Calibration
calibrate(const Truth *truth, const CalibratedLists &lists, const uint32 *list_rows)
{
    page::Calibration calibration = {};
    calibration.rule = page::StopRule::fixed;
    Work *work = make_work(truth, lists, list_rows);
    for (uint32 q = 0; q < truth_queries(truth); q++)
        if (take_query(work, q)) {
            calibration.queries++;
            for (uint32 c = 0; c < page::kCalibrationCurves; c++)
                collect_needs(work, c);
            if (lists.block_centres != nullptr)
                collect_blocks(work);
        }
    if (calibration.queries == 0)
        return calibration; // no rows, or one and it is the query

    for (uint32 c = 0; c < page::kCalibrationCurves; c++)
        for (uint32 rule = 0; rule < kRuleCount; rule++)
            find_settings(work, c, rule);
    count_all_rows(work);
    write_entries(*work, choose_rule(*work), &calibration);
    calibration.lists = lists.lists;
    for (uint32 i = 0; lists.block_centres != nullptr && i < page::kBeams; i++)
        calibration.beams[i] = Max(find_beam(*work, i), i > 0 ? calibration.beams[i - 1] : 0U);
    return calibration;
}

} // namespace vx::ivfrabitq
