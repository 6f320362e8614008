// SPDX-License-Identifier: PostgreSQL
//
// Fault points, and bugs planted on purpose: what the crash campaign (tests/campaign) needs to show
// that nothing is lost, and that it would see it if something were. Both are only in builds with
// -DVECTOR_FAULTS=ON; in others nothing of them is compiled.
//
//     VX_FAULT(ivfflat_page_appended);   // after that step; plain frames only
//
// vector.fault = 'NAME', 'NAME:N' or 'NAME:N:error': at its N-th arrival at that point since it was
// set, a process kills itself with SIGKILL, or raises an error, once. 'NAME:N:stop': from the N-th
// on it stops (SIGSTOP) at each, until somebody sends SIGCONT. vector.fault_points shows the table.
// vector.planted_bug names one of VX_PLANTED_BUGS.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "wal_hooks/fault_points.hpp"

/// X(name, what goes wrong)
#define VX_PLANTED_BUGS(X)                                                                         \
    X(none, "nothing")                                                                             \
    X(skipped_record, "every eighth edit is not logged")                                           \
    X(missing_page_image, "records never have a full-page image")                                  \
    X(wrong_redo_offset, "a tid goes to the place after its own, in replay alone")                 \
    X(unlogged_bit_flip, "vacuum removes dead rows without a record")

namespace vx::wal
{

enum class PlantedBug : int {
#define VX_BUG(name, what) name,
    VX_PLANTED_BUGS(VX_BUG)
#undef VX_BUG
};

#ifdef VECTOR_FAULTS

enum class Fault : int {
    none,
#define VX_POINT(name, may_raise, what) name,
    VX_FAULT_POINTS(VX_POINT)
#undef VX_POINT
};

extern Fault armed_fault;

/// Counts the arrival; at the one that was asked for, does not return, or only when continued.
void arrive_at_armed_fault();

#define VX_FAULT(name)                                                                             \
    do {                                                                                           \
        if (vx::wal::armed_fault == vx::wal::Fault::name)                                          \
            vx::wal::arrive_at_armed_fault();                                                      \
    } while (false)

bool is_planted(PlantedBug bug) noexcept;

/// For an edit that is about to be applied: it is one that a planted bug does not log.
bool is_edit_unlogged() noexcept;

/// The next edit removes dead rows.
void announce_removal() noexcept;

void define_fault_settings();

#else

#define VX_FAULT(name) static_cast<void>(0)

constexpr bool
is_planted(PlantedBug) noexcept
{
    return false;
}

constexpr bool
is_edit_unlogged() noexcept
{
    return false;
}

constexpr void
announce_removal() noexcept
{
}

constexpr void
define_fault_settings() noexcept
{
}

#endif

} // namespace vx::wal
