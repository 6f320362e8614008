// SPDX-License-Identifier: PostgreSQL
//
// The access method ivfflat: an inverted file over k-means clusters. README.md is the design.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "commands/vacuum.h"
}

#include "index/common/operator_class.hpp"
#include "index/ivf/callbacks.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"

VX_FUNCTION(ivfflathandler)
{
    IndexAmRoutine *routine = makeNode(IndexAmRoutine); // all fields zero: false, NULL

    routine->amsupport = vx::index::kSupportProcCount;
    routine->amcanorderbyop = true; // the only way to use it: ORDER BY column <operator> value
    routine->amoptionalkey = true;  // no search keys at all
    routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
    pg::set_newer_am_fields(routine);

    vx::ivf::install_options(routine);
    vx::ivf::install_validate(routine);
    vx::ivf::install_build(routine);
    vx::ivf::install_insert(routine);
    vx::ivf::install_vacuum(routine);
    vx::ivf::install_cost(routine);
    vx::ivf::install_scan(routine);
    PG_RETURN_POINTER(routine);
}
