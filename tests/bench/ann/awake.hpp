// SPDX-License-Identifier: PostgreSQL
//
// Processors that never go idle while something short is measured.
#pragma once

#include <sys/types.h>

namespace bench
{

/// As long as it lives, a thread of the lowest priority spins on every processor. A virtual machine
/// that goes idle gives its processor back to the hypervisor, and waking it again takes tens of
/// microseconds: as much as a short query, twice in every round trip.
///
/// The threads are a process in a session of its own, because the scheduler may give every session
/// the same share (autogroup) and looks at priorities only within one: from the client's session
/// they would take a third of the processor from a server that computes.
class Awake
{
  public:
    explicit Awake(bool wanted); // not: does nothing
    ~Awake();
    Awake(const Awake &) = delete;
    Awake &operator=(const Awake &) = delete;

  private:
    pid_t child_ = 0;
};

} // namespace bench
