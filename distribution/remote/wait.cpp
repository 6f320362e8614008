// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "remote/wait.hpp"

#include "pg/compat.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

#include <poll.h>
#include <unistd.h>

namespace vecmesh
{

namespace
{

constexpr int kMaxPolled = 256;
constexpr long kPollSliceMs = 1000;

/// Marks sockets that libpq has closed already; true if there is one.
bool
fire_closed_sockets(SocketWait *sockets, int count)
{
    bool found = false;
    for (int i = 0; i < count; i++) {
        sockets[i].fired = 0;
        if (sockets[i].socket == PGINVALID_SOCKET) {
            sockets[i].fired = WL_SOCKET_READABLE;
            found = true;
        }
    }
    return found;
}

long
timeout_until(TimestampTz deadline)
{
    if (deadline == kNoDeadline)
        return -1;
    return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
}

/// At the end of a transaction, with interrupts held off, an error would be a disaster, and the
/// latch has nothing to say: poll(2), which allocates nothing, in slices that let us see the
/// postmaster die.
bool
poll_sockets(SocketWait *sockets, int count, TimestampTz deadline)
{
    pollfd fds[kMaxPolled];
    const int n = Min(count, kMaxPolled); // the others have their turn when these are done
    for (int i = 0; i < n; i++) {
        fds[i].fd = sockets[i].socket;
        fds[i].events = ((sockets[i].events & WL_SOCKET_READABLE) ? POLLIN : 0) |
                        ((sockets[i].events & WL_SOCKET_WRITEABLE) ? POLLOUT : 0);
        fds[i].revents = 0;
    }
    for (;;) {
        const long left = timeout_until(deadline);
        const int slice = left < 0 ? kPollSliceMs : static_cast<int>(Min(left, kPollSliceMs));
        const int ready = poll(fds, n, slice);
        if (ready > 0)
            break;
        if (left == 0)
            return false;
        if (!PostmasterIsAlive())
            _exit(2);
    }
    for (int i = 0; i < n; i++) {
        if (fds[i].revents & ~POLLOUT) // trouble, too, is found by reading
            sockets[i].fired |= WL_SOCKET_READABLE;
        if (fds[i].revents & POLLOUT)
            sockets[i].fired |= WL_SOCKET_WRITEABLE;
    }
    return true;
}

} // namespace

bool
wait_for_sockets(SocketWait *sockets, int count, TimestampTz deadline)
{
    if (fire_closed_sockets(sockets, count))
        return true;
    if (InterruptHoldoffCount > 0)
        return poll_sockets(sockets, count, deadline);
    const long timeout = timeout_until(deadline);

    // Made for this wait and freed before anything can raise: an epoll descriptor has no other
    // owner.
    WaitEvent *fired = static_cast<WaitEvent *>(palloc(sizeof(WaitEvent) * (count + 2)));
    WaitEventSet *set = pg::create_wait_event_set(count + 2);
    AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
    AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
    for (int i = 0; i < count; i++)
        AddWaitEventToSet(set, sockets[i].events, sockets[i].socket, nullptr, &sockets[i]);
    const int n = WaitEventSetWait(set, timeout, fired, count + 2, PG_WAIT_EXTENSION);
    FreeWaitEventSet(set);

    for (int i = 0; i < n; i++) {
        if (fired[i].events & WL_LATCH_SET)
            ResetLatch(MyLatch);
        else
            static_cast<SocketWait *>(fired[i].user_data)->fired = fired[i].events;
    }
    pfree(fired);
    CHECK_FOR_INTERRUPTS();
    return n > 0;
}

TimestampTz
deadline_after_ms(int milliseconds)
{
    return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
}

} // namespace vecmesh
