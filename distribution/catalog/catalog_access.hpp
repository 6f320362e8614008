// SPDX-License-Identifier: PostgreSQL
//
// Changing the catalog tables. Ordinary users may distribute their tables but not write the
// catalogs, so the statement runs as the owner of the extension, with search_path pinned so that no
// operator of the user's gets in. Plain-frame code: an error leaves the identity to transaction
// abort.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

namespace vecmesh
{

/// Arguments $1… of a catalog statement; none is NULL.
struct CatalogArguments {
    int count;
    const Oid *types;
    const Datum *values;
};

/// Runs one statement; returns the number of rows it processed. When `result` is given, it receives
/// the first column of the first row as a number (0 when there is none): for RETURNING and
/// count(*).
uint64 run_catalog_statement(const char *sql, const CatalogArguments &arguments,
                             int64 *result = nullptr);

/// Locks the catalog table vecmesh.`name` against other writers (ShareRowExclusiveLock) until the
/// end of the transaction: what two sessions must not decide at the same time.
void lock_catalog(const char *name);

} // namespace vecmesh
