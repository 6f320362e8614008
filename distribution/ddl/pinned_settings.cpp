// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "ddl/pinned_settings.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace vecmesh
{

namespace
{

int
pin(const char *name, const char *value)
{
    const int level = NewGUCNestLevel();

    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
    return level;
}

} // namespace

int
pin_search_path()
{
    return pin("search_path", "pg_catalog, pg_temp");
}

int
pin_quiet()
{
    // A session that already asks for less stays as it is.
    return client_min_messages >= WARNING ? NewGUCNestLevel()
                                          : pin("client_min_messages", "warning");
}

void
unpin_settings(int level)
{
    AtEOXact_GUC(true, level);
}

} // namespace vecmesh
