// SPDX-License-Identifier: PostgreSQL
//
// Values that lie in the TOAST table, of rows that may be dead.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

namespace vx::index
{

/// Whether the value lies in the TOAST table. REQUIRES: it is of a type of variable length.
bool is_external(Datum value);

/// Such a value, in CurrentMemoryContext, compressed if it is stored so. False: it is gone, or a
/// part of it is, since its row is dead and vacuum of the TOAST table was faster than ours.
/// (PostgreSQL's own reader would raise an error then.)
bool fetch_external(Datum value, Datum *out);

} // namespace vx::index
