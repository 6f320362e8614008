// SPDX-License-Identifier: PostgreSQL
//
// How many rows a scan will be asked for. PostgreSQL does not tell an access method about LIMIT,
// but the executor knows: when a query starts, scans of ours right below a Limit are noted, and a
// scan that begins looks itself up.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "access/relscan.h"
}

namespace vx::ivfrabitq
{

/// Chains itself into the executor's start; from _PG_init.
void install_limit_hook();

struct RowsWanted {
    bool known;
    bool filtered; // the executor drops rows by conditions that are not the index's
    uint64 rows;   // LIMIT and OFFSET together; without meaning if not known
    uint64 passed; // so many of them it has by now
    double share;  // of the index's rows that pass the executor's conditions, as the planner
                   // believes; 0: it was not asked
};

/// REQUIRES: called while the executor fetches from the scan.
RowsWanted rows_wanted(IndexScanDesc scan);

} // namespace vx::ivfrabitq
