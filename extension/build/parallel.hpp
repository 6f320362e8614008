// SPDX-License-Identifier: PostgreSQL
//
// A loop over tasks of some milliseconds each, which stops soon after it is asked to.
#pragma once

#include "build/interrupt.hpp"

#include <cstddef>
#include <omp.h>

namespace vx::build
{

/// The threads of a call (interrupt.hpp), and how they hear of its end.
struct Team {
    int threads;
    bool polls_here;
    Interrupt &interrupt;
};

/// body(task, thread) for every task, on the team's threads. Throws Interrupted; body must not
/// throw.
template <class Body>
void
run_tasks(const Team &team, std::size_t tasks, Body &&body)
{
    Interrupt &interrupt = team.interrupt;
    if (team.threads <= 1) {
        for (std::size_t task = 0; task < tasks && !interrupt.stopped(); task++) {
            body(task, std::size_t(0));
            if (team.polls_here)
                interrupt.poll();
        }
    } else {
#pragma omp parallel num_threads(team.threads)
        {
            const auto thread = std::size_t(omp_get_thread_num());
#pragma omp for schedule(dynamic)
            for (std::size_t task = 0; task < tasks; task++)
                if (!interrupt.stopped())
                    body(task, thread);
        }
    }
    if (interrupt.stopped())
        throw Interrupted{};
}

} // namespace vx::build
