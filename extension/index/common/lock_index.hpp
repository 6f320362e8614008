// SPDX-License-Identifier: PostgreSQL
//
// Functions that take an index by its OID: it may be gone when they have its lock.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/lockdefs.h"
}

namespace vx::index
{

/// Locks the table, then the index, as everyone does; open them with NoLock. Returns the table;
/// InvalidOid: it is no index, and nothing but it is locked. Raises 42704 if it was dropped or
/// replaced, as REINDEX CONCURRENTLY does, while we waited.
Oid lock_index_and_table(Oid index, LOCKMODE index_lock, LOCKMODE table_lock);

} // namespace vx::index
