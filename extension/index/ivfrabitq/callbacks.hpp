// SPDX-License-Identifier: PostgreSQL
//
// The callbacks of the access method live one verb per file, as static functions with C linkage;
// each file puts its own into the routine.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "access/amapi.h"
}

namespace vx::ivfrabitq
{

void install_build(IndexAmRoutine *routine);
void install_cost(IndexAmRoutine *routine);
void install_insert(IndexAmRoutine *routine);
void install_options(IndexAmRoutine *routine);
void install_scan(IndexAmRoutine *routine);
void install_vacuum(IndexAmRoutine *routine);
void install_validate(IndexAmRoutine *routine);

/// The callback by which the planner's data about an index of ours are known.
amcostestimate_function cost_estimate_callback();

/// The callback by which a scan of ours is known.
ambeginscan_function begin_scan_callback();

} // namespace vx::ivfrabitq
