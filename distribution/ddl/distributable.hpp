// SPDX-License-Identifier: PostgreSQL
//
// What a table must be like to be distributed. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "access/attnum.h"
#include "utils/relcache.h"
}

namespace vecmesh
{

/// Raises for every table and column that cannot be distributed, with a hint what to do instead;
/// returns the distribution column. The caller holds a lock that keeps the answer true.
AttrNumber check_distributable(Relation relation, const char *column_name);

/// Raises when a unique index or exclusion constraint does not contain the distribution column: the
/// shards could not enforce it among themselves.
void check_index_distributable(Oid index, Oid table, AttrNumber column);

} // namespace vecmesh
