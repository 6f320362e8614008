// SPDX-License-Identifier: PostgreSQL
//
// What the planner is told: SEARCH.md, section "What the planner is told".
//
// Nearly all of a search is due before its first row, so nearly all of its cost is start-up cost.
// What LIMIT cuts off is the rest: the further rounds of a scan that the executor keeps asking,
// because it drops rows by conditions that are not the index's.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

#include "index/ivfrabitq/calibrate.hpp"
#include "index/ivfrabitq/callbacks.hpp"
#include "index/ivfrabitq/lists.hpp"
#include "index/ivfrabitq/options.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"

#include <cmath>

namespace vx::ivfrabitq
{

// In calls of an operator (cpu_operator_cost), which take a good 10 ns.
constexpr double kMaskCost = 2.0;  // comparing the filter values of a group of 32 rows
constexpr double kGroupCost = 3.0; // scoring a group: this, and so much per coordinate
constexpr double kCoordinateCost = 0.024;
constexpr double kCentroidCost = 1.0 / 128; // per coordinate
constexpr double kRefineCost = 4.0;         // a fine code

// Rows: how many are refined for a search of k, and how many read from the table.
constexpr double kRefinedAtLeast = 150;
constexpr double kRefinedPerRow = 5;
constexpr double kFinePagesPerRow = 0.4;
constexpr double kReadPerRow = 1.2;
// Each round looks for four times the rows of the last, and reads the lists again.
constexpr double kRoundsPerRow = 3.0;
constexpr double kRowsIfUnknown = 40;

/// What the estimate is made of.
struct Work {
    double lists;
    double centroids; // that a query is compared with
    double padded;
    double groups;     // in the index
    double scan_pages; // in the index
    double fine_pages;
    double rows;      // in the index that meet the index's conditions
    double passing;   // share of the index's rows that do
    double share;     // of the index that a search without conditions reads, for `wanted` rows
    double wanted;    // rows of the first round
    bool filtered;    // there are conditions
    double page_cost; // of an index page: lists lie in runs, their fine codes too
    double heap_page_cost;
    double heap_pages;
};

// ---- what is asked for

/// The executor drops rows by conditions that the index does not check.
static bool
has_other_conditions(IndexPath *path)
{
    ListCell *cell;
    foreach (cell, path->indexinfo->indrestrictinfo) {
        auto *condition = static_cast<RestrictInfo *>(lfirst(cell));
        if (!condition->pseudoconstant &&
            !is_redundant_with_indexclauses(condition, path->indexclauses))
            return true;
    }
    return false;
}

/// LIMIT and OFFSET, if they are on this relation's rows alone; else 0.
static double
known_limit(PlannerInfo *root, IndexPath *path)
{
    const bool alone = bms_equal(path->path.parent->relids, root->all_baserels);
    if (root->limit_tuples <= 0 || !alone || has_other_conditions(path))
        return 0;
    return root->limit_tuples;
}

/// Rows without a vector are not in the index.
static bool
wants_null_vector(IndexPath *path)
{
    ListCell *cell;
    foreach (cell, path->indexclauses) {
        auto *clause = lfirst_node(IndexClause, cell);
        auto *test = reinterpret_cast<NullTest *>(clause->rinfo->clause);
        if (clause->indexcol == 0 && IsA(test, NullTest) && test->nulltesttype == IS_NULL)
            return true;
    }
    return false;
}

static double
probed_share(const Meta &meta, double wanted)
{
    const uint32 lists = Max(meta.page.lists, 1U);
    if (probes() > 0)
        return Min(static_cast<double>(probes()) / lists, 1.0);
    const StopSetting stop = stop_setting(meta.page.calibration, recall_target(),
                                          static_cast<uint32>(Min(wanted, 1e6)), lists);
    if (stop.rows > 0 && meta.page.built_rows > 0)
        return Min(stop.rows / static_cast<double>(meta.page.built_rows), 1.0);
    return Min(stop.probes / lists, 1.0);
}

static Work
plan_work(IndexPath *path, double selectivity, double limit)
{
    const IndexOptInfo *info = path->indexinfo;
    Relation index = index_open(info->indexoid, NoLock); // locked by the planner
    const Meta meta = get_meta(index);
    index_close(index, NoLock);

    Work work;
    constexpr uint32 kOftenRead = 64; // lists
    constexpr double kPlaces = kernel::kBlockCentroids;
    work.lists = meta.page.lists;
    const uint32 blocks = beam(meta, kOftenRead);
    work.centroids =
        blocks < list_blocks(meta) ? blocks * kPlaces + work.lists / kPlaces : work.lists;
    work.padded = meta.page.padded;
    const double in_index = Max(info->tuples, 1.0);
    const double fine_per_scan =
        static_cast<double>(meta.rows_per_page()) / static_cast<double>(meta.page.fine_per_page);
    work.scan_pages = info->pages / (1 + fine_per_scan);
    work.fine_pages = info->pages - work.scan_pages;
    work.groups = Min(work.scan_pages * meta.page.groups_per_page,
                      in_index / static_cast<double>(kernel::kGroupRows) + work.lists);
    work.rows = Max(selectivity * info->rel->tuples, 1.0);
    work.passing = Min(work.rows / in_index, 1.0);
    work.filtered = path->indexclauses != NIL;
    work.wanted = Min(limit > 0 ? limit : kRowsIfUnknown, work.rows);
    work.share = probed_share(meta, work.wanted);

    get_tablespace_page_costs(info->reltablespace, nullptr, &work.page_cost);
    get_tablespace_page_costs(info->rel->reltablespace, &work.heap_page_cost, nullptr);
    work.heap_pages = info->rel->pages;
    return work;
}

// ---- the parts of a search

static Cost
centroid_cost(const Work &work)
{
    return cpu_operator_cost * kCentroidCost * work.centroids * work.padded;
}

/// Reading that share of the lists. A group is scored if any of its rows passes.
static Cost
scan_cost(const Work &work, double share)
{
    const double group = kGroupCost + kCoordinateCost * work.padded;
    const double scored = 1 - std::pow(1 - work.passing, static_cast<double>(kernel::kGroupRows));
    const double per_group = work.filtered ? kMaskCost + scored * group : group;
    return share * (work.scan_pages * work.page_cost + work.groups * per_group * cpu_operator_cost);
}

static Cost
refine_cost(const Work &work, double wanted)
{
    const double rows = Min(kRefinedAtLeast + kRefinedPerRow * wanted, work.rows);
    const double pages = Min(kFinePagesPerRow * rows, work.fine_pages);
    return pages * work.page_cost + rows * kRefineCost * cpu_operator_cost;
}

/// Reading rows from the table to know their distances.
static Cost
rerank_cost(const Work &work, double rows)
{
    rows = Min(rows, work.rows);
    return Min(rows, work.heap_pages) * work.heap_page_cost +
           rows * (cpu_tuple_cost + cpu_operator_cost);
}

/// A search for `wanted` rows: as many more lists are read as fewer rows pass.
static Cost
search_cost(const Work &work, double wanted, double share)
{
    return centroid_cost(work) + scan_cost(work, Min(share / work.passing, 1.0)) +
           refine_cost(work, wanted) + rerank_cost(work, kReadPerRow * wanted);
}

/// Bringing rows in order, as cost_sort() counts.
static Cost
ordering_cost(double rows)
{
    rows = Max(rows, 2.0);
    return cpu_operator_cost * 2 * rows * std::log2(rows);
}

/// All rows that there are, after the first round: every one is read from the table, and since no
/// two neighbours in space are neighbours in the table, each from another page.
static Cost
further_rounds_cost(const Work &work)
{
    const double rows = kRoundsPerRow * work.rows;
    return kRoundsPerRow * scan_cost(work, 1.0) +
           rows * (work.heap_page_cost + cpu_tuple_cost + cpu_operator_cost) +
           ordering_cost(work.rows);
}

VX_CALLBACK(void, ivfrabitq_cost_estimate,
            (PlannerInfo * root, IndexPath *path, double loop_count, Cost *startup_cost,
             Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages),
            (root, path, loop_count, startup_cost, total_cost, selectivity, correlation, pages))
{
    if (path->indexorderbys == NIL || wants_null_vector(path)) {
        *startup_cost = *total_cost = get_float8_infinity();
        *selectivity = *correlation = *pages = 0;
        pg::disable_path(&path->path);
        return;
    }

    GenericCosts costs; // for the conditions: how many rows meet them, what their constants cost
    memset(&costs, 0, sizeof(costs));
    genericcostestimate(root, path, loop_count, &costs);

    const double limit = known_limit(root, path);
    const Work work = plan_work(path, costs.indexSelectivity, limit);
    const bool wants_all = root->tuple_fraction <= 0 && limit <= 0;
    Cost startup = costs.indexStartupCost;
    Cost rest = 0;
    if (wants_all)
        startup += search_cost(work, work.wanted, work.share) + further_rounds_cost(work);
    else
        startup += search_cost(work, work.wanted, work.share);
    if (!wants_all && limit <= 0)
        rest = further_rounds_cost(work);

    *startup_cost = startup;
    *total_cost = startup + rest;
    *selectivity = costs.indexSelectivity;
    *correlation = 0;
    *pages = path->indexinfo->pages;
}

amcostestimate_function
cost_estimate_callback()
{
    return ivfrabitq_cost_estimate;
}

void
install_cost(IndexAmRoutine *routine)
{
    routine->amcostestimate = ivfrabitq_cost_estimate;
}

} // namespace vx::ivfrabitq
