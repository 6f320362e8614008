// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "ddl/pinned_settings.hpp"

extern "C" {
#include "utils/guc.h"
#include "utils/memutils.h"
}

#include "pg/entry.hpp"

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

bool quiet = false;
int level_before_quiet;

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

VX_CALLBACK(void, quiet_command_gone, (void *), (nullptr))
{
    end_quiet_command();
}

void
begin_quiet_command()
{
    auto *callback = static_cast<MemoryContextCallback *>(
        MemoryContextAllocZero(PortalContext, sizeof(MemoryContextCallback)));

    callback->func = quiet_command_gone;
    MemoryContextRegisterResetCallback(PortalContext, callback);
    level_before_quiet = client_min_messages;
    client_min_messages = Max(client_min_messages, WARNING);
    quiet = true;
}

void
end_quiet_command()
{
    if (quiet)
        client_min_messages = level_before_quiet;
    quiet = false;
}

void
unpin_settings(int level)
{
    AtEOXact_GUC(true, level);
}

} // namespace vecmesh
