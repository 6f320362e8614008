// SPDX-License-Identifier: PostgreSQL
//
// A carrier takes a finished edit and makes it happen: log it, change the pages, stamp them with
// the record's position, all in one critical section. Access methods never see this header.
#pragma once

#include "wal_hooks/page_delta.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace vx::wal
{

/// Relations without WAL (unlogged, temporary, created in this transaction at wal_level = minimal).
void apply_unlogged(const PageDelta *pages, int count);

/// PostgreSQL's Generic WAL: needs no preloaded library, on the primary or on a standby.
void apply_with_generic_wal(Relation relation, const PageDelta *pages, int count);

} // namespace vx::wal
