// SPDX-License-Identifier: PostgreSQL
//
// What the planner is told. The shape is pgvector's, so that a plan chosen there is chosen here:
// the index costs what a generic index of its size costs, half its pages are read in sequence, and
// the share probes / lists of that is due before the first row. Without ORDER BY the index can do
// nothing and costs infinity.
//
// Where all rows are wanted (no LIMIT, no cursor) the index must put all of them in order, as a
// sort would, and is charged for that: reading the table and sorting is then cheaper, and complete.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

#include "index/ivf/callbacks.hpp"
#include "index/ivf/meta.hpp"
#include "index/ivf/options.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"

#include <cmath>

namespace vx::ivf
{

constexpr double kSequentialShare = 0.5; // pages of a list are neighbours

static double
probed_share(IndexPath *path)
{
    Relation index = index_open(path->indexinfo->indexoid, NoLock); // locked by the planner
    const double lists = get_meta(index).page.lists;
    index_close(index, NoLock);
    return Min(probes() / lists, 1.0);
}

/// One distance per row, and the comparisons of a sort, as cost_sort() counts them.
static Cost
ordering_cost(double rows)
{
    rows = Max(rows, 2.0);
    return cpu_operator_cost * rows * (1 + 2 * std::log2(rows));
}

VX_CALLBACK(void, ivf_cost_estimate,
            (PlannerInfo * root, IndexPath *path, double loop_count, Cost *startup_cost,
             Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages),
            (root, path, loop_count, startup_cost, total_cost, selectivity, correlation, pages))
{
    if (path->indexorderbys == NIL) {
        *startup_cost = *total_cost = get_float8_infinity();
        *selectivity = *correlation = *pages = 0;
        pg::disable_path(&path->path);
        return;
    }

    GenericCosts costs;
    memset(&costs, 0, sizeof(costs));
    genericcostestimate(root, path, loop_count, &costs);

    const double ratio = probed_share(path);
    double sequential_page_cost;
    get_tablespace_page_costs(path->indexinfo->reltablespace, nullptr, &sequential_page_cost);
    const double random_surcharge = costs.spc_random_page_cost - sequential_page_cost;

    costs.indexTotalCost -= kSequentialShare * costs.numIndexPages * random_surcharge;
    double startup = costs.indexTotalCost * ratio;

    const bool wants_all = root->tuple_fraction <= 0;
    if (wants_all)
        startup = costs.indexTotalCost += ordering_cost(costs.numIndexTuples);

    // The heap of wide vectors is small because they are out of line, and a sequential scan is not
    // charged for fetching them; nor should the index be, for pages beyond the heap's.
    const double startup_pages = costs.numIndexPages * ratio;
    const double heap_pages = path->indexinfo->rel->pages;
    if (startup_pages > heap_pages && ratio < 0.5 && !wants_all) {
        startup -= (1 - kSequentialShare) * startup_pages * random_surcharge;
        startup -= (startup_pages - heap_pages) * sequential_page_cost;
    }

    *startup_cost = startup;
    *total_cost = costs.indexTotalCost;
    *selectivity = costs.indexSelectivity;
    *correlation = costs.indexCorrelation;
    *pages = costs.numIndexPages;
}

void
install_cost(IndexAmRoutine *routine)
{
    routine->amcostestimate = ivf_cost_estimate;
}

} // namespace vx::ivf
