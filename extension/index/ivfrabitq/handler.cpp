// SPDX-License-Identifier: PostgreSQL
//
// The access method ivfrabitq: an inverted file of RaBitQ codes. README.md is the design.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "commands/vacuum.h"
}

#include "index/common/operator_class.hpp"
#include "index/ivfrabitq/callbacks.hpp"
#include "pg/compat.hpp"
#include "pg/entry.hpp"

VX_FUNCTION(ivfrabitqhandler)
{
    IndexAmRoutine *routine = makeNode(IndexAmRoutine); // all fields zero: false, NULL

    routine->amsupport = vx::index::kSupportProcCount;
    routine->amcanorderbyop = true; // ORDER BY column <operator> value
    routine->amcanmulticol = true;  // further columns filter
    routine->amoptionalkey = true;
    routine->amsearcharray = true;
    routine->amsearchnulls = true;
    routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
    pg::set_newer_am_fields(routine);

    vx::ivfrabitq::install_build(routine);
    vx::ivfrabitq::install_options(routine);
    vx::ivfrabitq::install_validate(routine);
    vx::ivfrabitq::install_cost(routine);
    vx::ivfrabitq::install_insert(routine);
    vx::ivfrabitq::install_vacuum(routine);
    vx::ivfrabitq::install_scan(routine);
    PG_RETURN_POINTER(routine);
}
