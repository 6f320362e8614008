// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "pg/attempt.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
}

#include "pg/guard.hpp"

namespace pg
{

/// The error is on PostgreSQL's stack; the subtransaction is still open.
static void
end_failed(MemoryContext context, bool (*forgives)(int sqlstate), Failure *failure)
{
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    if (!forgives(error->sqlerrcode))
        PG_RE_THROW();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    failure->sqlstate = error->sqlerrcode;
    strlcpy(failure->message, error->message != nullptr ? error->message : "",
            sizeof(failure->message));
    FreeErrorData(error);
}

bool
attempt(void (*body)(void *argument), void *argument, bool (*forgives)(int sqlstate),
        Failure *failure)
{
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    bool failed = false;
    try {
        guarded([&] { body(argument); });
    } catch (const Error &) {
        failed = true;
    }
    if (failed)
        end_failed(context, forgives, failure);
    else
        ReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return !failed;
}

} // namespace pg
