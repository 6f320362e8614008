// SPDX-License-Identifier: PostgreSQL
//
// Points where the crash tests stop a coordinator. vecmesh.fault = 'point:action', action one of
//   error   raise (only where raising is lawful: before the local commit)
//   panic   take the whole server down, as a crash would
//   wait    until the test makes a file vecmesh_go in the data directory, a minute at most
#include "pg/postgres.hpp"

#include "transaction/transaction.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "utils/guc.h"
}

#include <unistd.h>

namespace vecmesh
{

namespace
{

char *fault = nullptr;

const char *
action_at(const char *name)
{
    const size_t length = strlen(name);
    if (fault == nullptr || strncmp(fault, name, length) != 0 || fault[length] != ':')
        return nullptr;
    return fault + length + 1;
}

void
wait_for_test()
{
    for (int i = 0; i < 600 && access("vecmesh_go", F_OK) != 0; i++) {
        pg_usleep(100 * 1000);
        if (!PostmasterIsAlive())
            _exit(2); // killed by the test: go with it
    }
}

} // namespace

bool
fault_is_set(const char *name)
{
    return action_at(name) != nullptr;
}

void
fault_point(const char *name)
{
    const char *action = action_at(name);
    if (action == nullptr)
        return;
    if (strcmp(action, "error") == 0)
        ereport(ERROR, (errmsg("fault injected at \"%s\"", name)));
    if (strcmp(action, "panic") == 0)
        ereport(PANIC, (errmsg("fault injected at \"%s\"", name)));
    if (strcmp(action, "wait") == 0)
        wait_for_test();
}

void
define_fault_setting()
{
    DefineCustomStringVariable("vecmesh.fault", "For crash tests: fails at a point of commit.",
                               "\"point:action\"; see distribution/transaction/README.md.", &fault,
                               "", PGC_SUSET, GUC_NOT_IN_SAMPLE | GUC_SUPERUSER_ONLY, nullptr,
                               nullptr, nullptr);
}

} // namespace vecmesh
