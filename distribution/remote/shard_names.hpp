// SPDX-License-Identifier: PostgreSQL
//
// Errors of workers speak of shards and their indexes; a client knows the table's. An application
// that looks for constraint "items_pkey" must find it, not "items_pkey_102008". Plain-frame code.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

namespace vecmesh
{

/// The coordinator's name for a shard of the table or one of its shards' indexes; the name itself
/// when it is neither, and nullptr for nullptr. REQUIRES: a valid transaction, unless table is
/// InvalidOid.
char *coordinator_name(Oid table, char *name);

/// The same for every name in double quotes within a message.
char *with_coordinator_names(Oid table, char *message);

} // namespace vecmesh
