// SPDX-License-Identifier: PostgreSQL
//
// vector.so: the module magic and what happens when a backend loads the library.
#include "pg/postgres.hpp"

#include "index/ivf/options.hpp"
#include "index/ivfrabitq/limit.hpp"
#include "index/ivfrabitq/options.hpp"
#include "index/ivfrabitq/paths.hpp"
#include "pg/entry.hpp"
#include "wal_hooks/wal_mode.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void
_PG_init(void)
{
    vx::wal::initialise();
    vx::ivf::initialise_options();
    vx::ivfrabitq::initialise_options();
    vx::ivfrabitq::install_paths_hook();
    vx::ivfrabitq::install_limit_hook();
}
