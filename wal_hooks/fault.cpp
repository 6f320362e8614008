// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/fault.hpp"

#ifdef VECTOR_FAULTS

extern "C" {
#include "miscadmin.h"
#include "utils/guc.h"
}

#include "pg/entry.hpp"

#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace vx::wal
{

struct FaultPoint {
    const char *name;
    bool may_raise;
};

static const FaultPoint points[] = {{"", false}, // none
#define VX_POINT(name, may_raise, what) {#name, may_raise},
                                    VX_FAULT_POINTS(VX_POINT)
#undef VX_POINT
};

enum class Action { kill, raise, stop };

/// What vector.fault says.
struct Demand {
    Fault point;
    long arrival;
    Action action;
};

Fault armed_fault = Fault::none;

static Demand demand;
static long arrivals;
static char *fault_setting;
static char *fault_points_setting;
static int planted_bug_setting;
static uint32 edits_seen;
static bool next_edit_removes;

static const config_enum_entry planted_bugs[] = {
#define VX_BUG(name, what) {#name, static_cast<int>(PlantedBug::name), false},
    VX_PLANTED_BUGS(VX_BUG)
#undef VX_BUG
        {nullptr, 0, false},
};

// ---- the setting

static Fault
find_point(const char *name, Size length)
{
    for (Size i = 1; i < lengthof(points); i++)
        if (strlen(points[i].name) == length && strncmp(points[i].name, name, length) == 0)
            return static_cast<Fault>(i);
    return Fault::none;
}

/// nullptr, or why the text is no demand. An empty text is the demand for nothing.
static const char *
parse(const char *text, Demand *out)
{
    *out = {Fault::none, 1, Action::kill};
    if (*text == '\0')
        return nullptr;
    const Size length = strcspn(text, ":");
    out->point = find_point(text, length);
    if (out->point == Fault::none)
        return "There is no such fault point; vector.fault_points shows them.";
    const char *rest = text + length;
    if (*rest == ':') {
        char *end;
        out->arrival = strtol(rest + 1, &end, 10);
        if (end == rest + 1 || out->arrival < 1)
            return "The number of the arrival must be at least 1.";
        rest = end;
    }
    if (strcmp(rest, ":error") == 0)
        out->action = Action::raise;
    else if (strcmp(rest, ":stop") == 0)
        out->action = Action::stop;
    else if (*rest != '\0')
        return "After the number of the arrival there may be \":error\" or \":stop\".";
    if (out->action == Action::raise && !points[static_cast<int>(out->point)].may_raise)
        return "An error is not lawful at this point.";
    return nullptr;
}

VX_CALLBACK(bool, check_fault, (char **value, void **, GucSource), (value, nullptr, PGC_S_DEFAULT))
{
    Demand parsed;
    const char *error = parse(*value, &parsed);
    if (error != nullptr)
        GUC_check_errdetail("%s", error);
    return error == nullptr;
}

VX_CALLBACK(void, assign_fault, (const char *value, void *), (value, nullptr))
{
    parse(value, &demand);
    armed_fault = demand.point;
    arrivals = 0;
}

// ---- arriving

void
arrive_at_armed_fault()
{
    ++arrivals;
    if (demand.action == Action::stop && arrivals >= demand.arrival)
        kill(getpid(), SIGSTOP);
    if (demand.action == Action::stop || arrivals != demand.arrival)
        return;
    const char *name = points[static_cast<int>(demand.point)].name;
    if (demand.action == Action::raise)
        ereport(ERROR, (errcode(MAKE_SQLSTATE('V', 'X', 'F', 'L', 'T')),
                        errmsg("fault injected at \"%s\", arrival %ld", name, demand.arrival)));
    // not ereport(): nothing but the signal may happen here
    write_stderr("vector.fault: process %d killed at %s, arrival %ld\n", MyProcPid, name,
                 demand.arrival);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

// ---- planted bugs

bool
is_planted(PlantedBug bug) noexcept
{
    return planted_bug_setting == static_cast<int>(bug);
}

void
announce_removal() noexcept
{
    next_edit_removes = true;
}

bool
is_edit_unlogged() noexcept
{
    constexpr uint32 kSkippedOf = 8;
    const bool removes = next_edit_removes;
    next_edit_removes = false;
    if (is_planted(PlantedBug::unlogged_bit_flip))
        return removes;
    return is_planted(PlantedBug::skipped_record) && ++edits_seen % kSkippedOf == 0;
}

// ----

void
define_fault_settings()
{
    static const char *const table =
#define VX_POINT(name, may_raise, what) #name "\t" #may_raise "\t" what "\n"
        VX_FAULT_POINTS(VX_POINT)
#undef VX_POINT
        ;
    DefineCustomStringVariable(
        "vector.fault", "Kills or stops a process, or raises an error, at a point of the code",
        "NAME, NAME:N (the N-th arrival), NAME:N:error or NAME:N:stop. For crash tests.",
        &fault_setting, "", PGC_SUSET, GUC_NOT_IN_SAMPLE, check_fault, assign_fault, nullptr);
    DefineCustomStringVariable("vector.fault_points", "Shows the points of vector.fault",
                               "A line for each: name, whether an error is lawful, what has just "
                               "happened there; with tabs between.",
                               &fault_points_setting, table, PGC_INTERNAL, GUC_NOT_IN_SAMPLE,
                               nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("vector.planted_bug", "Makes the library lose data, to test tests",
                             nullptr, &planted_bug_setting, static_cast<int>(PlantedBug::none),
                             planted_bugs, PGC_SUSET, GUC_NOT_IN_SAMPLE, nullptr, nullptr, nullptr);
}

} // namespace vx::wal

#endif
