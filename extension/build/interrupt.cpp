// SPDX-License-Identifier: PostgreSQL
#include "build/interrupt.hpp"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <omp.h>
#include <pthread.h>
#include <thread>

namespace vx::build
{

namespace
{

constexpr std::chrono::milliseconds kPollInterval{5};

/// Starts a thread that has every signal blocked from its first instruction on.
template <class Body>
std::thread
start_without_signals(Body &&body)
{
    struct Blocked {
        sigset_t previous;

        Blocked()
        {
            sigset_t all;
            sigfillset(&all);
            pthread_sigmask(SIG_SETMASK, &all, &previous);
        }

        ~Blocked() { pthread_sigmask(SIG_SETMASK, &previous, nullptr); }
    } blocked;

    return std::thread(std::forward<Body>(body));
}

} // namespace

void
run_threaded(int threads, Interrupt &interrupt, const std::function<void(bool polls_here)> &work)
{
    if (threads <= 1) {
        omp_set_num_threads(1);
        work(true);
        return;
    }

    std::mutex mutex;
    std::condition_variable ended;
    bool done = false;
    std::exception_ptr failure;
    std::thread worker = start_without_signals([&] {
        try {
            omp_set_num_threads(threads); // a setting of this thread, inherited by nobody else
            work(false);
        } catch (...) {
            failure = std::current_exception();
        }
        const std::lock_guard<std::mutex> lock(mutex);
        done = true;
        ended.notify_one();
    });

    {
        std::unique_lock<std::mutex> lock(mutex);
        while (!ended.wait_for(lock, kPollInterval, [&] { return done; })) {
            lock.unlock(); // wants_stop() is not ours
            interrupt.poll();
            lock.lock();
        }
    }
    worker.join();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace vx::build
