// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/build_library.hpp"

extern "C" {
#include "miscadmin.h"
}

#include "pg/library.hpp"

namespace vx
{

namespace
{

/// The library stays loaded for the rest of the session.
const VxBuildApi *
build_api()
{
    static const VxBuildApi *loaded = nullptr;
    if (loaded != nullptr)
        return loaded;

    void *symbol = pg::load_symbol_without_signals("$libdir/vector_build", "vx_build_api");
    const VxBuildApi *api = reinterpret_cast<VxBuildApiFunction>(symbol)();
    if (api->version != kVxBuildApiVersion)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("library \"%s\" has interface version %u, but version %u is needed",
                               "vector_build", api->version, kVxBuildApiVersion),
                        errhint("Install \"vector\" and \"vector_build\" from one release, then "
                                "open a new session.")));
    loaded = api;
    return loaded;
}

/// Only what will end the statement stops a call. Other interrupts wait for its end: serviced here,
/// with threads at work, one of them might end the process under their feet.
int
wants_stop()
{
    return QueryCancelPending || ProcDiePending;
}

/// The flag is a volatile sig_atomic_t; the library, which knows no PostgreSQL, says int.
static_assert(sizeof(InterruptPending) == sizeof(int));

const volatile int *
interrupt_flag()
{
    return &InterruptPending;
}

void
check_status(VxBuildStatus status, const char *error)
{
    switch (status) {
    case VX_BUILD_OK:
        return;
    case VX_BUILD_INTERRUPTED:
        CHECK_FOR_INTERRUPTS();
        ereport(ERROR,
                (errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling index build on interrupt")));
        break;
    case VX_BUILD_OUT_OF_MEMORY:
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                        errdetail("Failed while training the lists of an index.")));
        break;
    case VX_BUILD_FAILED:
        break;
    }
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not train lists: %s", error)));
}

} // namespace

void
build_train(VxTrainRequest *request)
{
    const VxBuildApi *api = build_api();
    request->interrupted = interrupt_flag();
    request->wants_stop = wants_stop;
    check_status(api->train(request), request->error);
}

void
build_assign(VxAssignRequest *request)
{
    const VxBuildApi *api = build_api();
    request->interrupted = interrupt_flag();
    request->wants_stop = wants_stop;
    check_status(api->assign(request), request->error);
}

Size
build_train_memory(int64 row_count, int dim, int list_count, int threads, bool approximate)
{
    return build_api()->train_memory(row_count, dim, list_count, threads, approximate);
}

} // namespace vx
