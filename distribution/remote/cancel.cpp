// SPDX-License-Identifier: PostgreSQL
//
// Cancelling what runs on workers. libpq before PostgreSQL 17 can do that only with PQcancel, which
// blocks without limit when the worker's postmaster does not answer, and one worker at a time. So
// each PQcancel runs in a thread of its own, which touches nothing but its PGcancel (PQcancel is
// made to be callable from a signal handler, hence uses the C library alone), and the backend waits
// for them with a deadline. A thread that is not done by then is left behind; the connection it was
// to cancel is closed by the caller, upon which the worker notices by
// client_connection_check_interval.
#include "pg/postgres.hpp"

#include "remote/connection_state.hpp"

extern "C" {
#include "utils/timestamp.h"
}

#include <cerrno>
#include <csignal>
#include <ctime>
#include <pthread.h>

namespace vecmesh
{

namespace
{

/// The thread owns the PGcancel. No PostgreSQL symbol here (B14).
void *
cancel_thread(void *arg)
{
    auto *cancel = static_cast<PGcancel *>(arg);
    char ignored[256];
    PQcancel(cancel, ignored, sizeof(ignored)); // failure shows as an answer that never comes
    PQfreeCancel(cancel);
    return nullptr;
}

/// Signals stay with the backend's main thread: they are blocked before the thread is born.
bool
start_cancel_thread(PGcancel *cancel, pthread_t *thread)
{
    sigset_t all, previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    const int failed = pthread_create(thread, nullptr, cancel_thread, cancel);
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    return failed == 0;
}

timespec
absolute_time(TimestampTz deadline)
{
    const long ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

} // namespace

void
send_cancels(Connection **connections, int count, TimestampTz deadline)
{
    auto *threads = static_cast<pthread_t *>(palloc(sizeof(pthread_t) * Max(count, 1)));
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (!busy(connections[i]))
            continue;
        PGcancel *cancel = PQgetCancel(connections[i]->pg);
        if (cancel == nullptr)
            continue;
        if (start_cancel_thread(cancel, &threads[n]))
            n++;
        else
            PQfreeCancel(cancel);
    }
    const timespec until = absolute_time(deadline);
    for (int i = 0; i < n; i++) {
        if (pthread_timedjoin_np(threads[i], nullptr, &until) != 0)
            pthread_detach(threads[i]);
    }
    pfree(threads);
}

} // namespace vecmesh
