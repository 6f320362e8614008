// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.so: the module magic and what happens when the library is loaded.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void
_PG_init(void)
{
}
