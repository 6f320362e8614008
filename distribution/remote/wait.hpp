// SPDX-License-Identifier: PostgreSQL
//
// The one place where a backend waits for workers. Everything else in remote/ and transaction/ is
// built of "look what has arrived, else wait here": a WaitEventSet over the sockets, the latch and
// the death of the postmaster. Plain-frame code (B3).
#pragma once

#include "remote/connection.hpp"

extern "C" {
#include "datatype/timestamp.h"
#include "storage/latch.h"
}

namespace vecmesh
{

constexpr TimestampTz kNoDeadline = DT_NOEND;

struct SocketWait {
    int socket;    // PGINVALID_SOCKET counts as readable: libpq will say what is wrong
    uint32 events; // WL_SOCKET_READABLE, WL_SOCKET_WRITEABLE
    uint32 fired;
};

/// Sleeps until a socket is ready, the latch is set, or the deadline has passed; false in the last
/// case only. Services interrupts, so it raises on cancel unless interrupts are held off.
bool wait_for_sockets(SocketWait *sockets, int count, TimestampTz deadline);

TimestampTz deadline_after_ms(int milliseconds);

} // namespace vecmesh
