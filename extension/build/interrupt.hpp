// SPDX-License-Identifier: PostgreSQL
//
// How a long call hears that it should stop, and how it gets its threads.
#pragma once

#include <atomic>
#include <functional>

namespace vx::build
{

/// Thrown through our own frames (and faiss') when the caller wants the call to end.
struct Interrupted {
};

/// The caller's wish to stop. Two threads look at it: the caller's, which alone may ask
/// `wants_stop`, and the one that works, which sees the answer in `stop_`.
class Interrupt
{
  public:
    Interrupt(const volatile int *flag, int (*wants_stop)(void)) noexcept
        : flag_(flag), wants_stop_(wants_stop)
    {
    }

    /// Looks at the caller's flag and asks what it means. On the caller's thread only.
    void poll() noexcept
    {
        if (flag_ != nullptr && *flag_ != 0 && (wants_stop_ == nullptr || wants_stop_() != 0))
            stop_.store(true, std::memory_order_relaxed);
    }

    /// May be called from any thread.
    bool stopped() const noexcept { return stop_.load(std::memory_order_relaxed); }

  private:
    const volatile int *flag_;
    int (*wants_stop_)(void);
    std::atomic<bool> stop_{false};
};

/// Runs `work` so that no thread it starts ever receives a signal, polling `interrupt` meanwhile.
///
/// With one thread, `work` runs here and must call interrupt.poll() itself (`polls_here`). With
/// more, it runs on a thread of its own that blocks all signals, as do the OpenMP threads that
/// inherit its mask; the caller's thread waits with its signals open, so that a cancel request
/// reaches PostgreSQL's handler while the others compute. Their OpenMP pool ends with the thread:
/// nothing is left running in the backend afterwards. Exceptions of `work` come out here.
void run_threaded(int threads, Interrupt &interrupt,
                  const std::function<void(bool polls_here)> &work);

} // namespace vx::build
