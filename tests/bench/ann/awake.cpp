// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/awake.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace bench
{

namespace
{

constexpr int kLowest = 19;

[[noreturn]] void
spin(int processor)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(processor, &only);
    sched_setaffinity(0, sizeof(only), &only);
    for (;;) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#else
        __asm__ volatile("");
#endif
    }
}

/// The share of the whole session, where the kernel divides by sessions.
bool
lower_session()
{
    const int file = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT;
    ssize_t written = -1;
    for (int i = 0; i < 20; i++) { // at most one change in a tenth of a second, else EAGAIN
        written = write(file, "19", 2);
        if (written == 2 || errno != EAGAIN)
            break;
        usleep(50000);
    }
    close(file);
    return written == 2;
}

/// The child: says that it is ready, and spins until it is killed.
[[noreturn]] void
run_child(pid_t parent, int ready)
{
    cpu_set_t processors;
    prctl(PR_SET_PDEATHSIG, SIGKILL); // it shall not outlive a client that fails
    if (getppid() != parent || setsid() < 0 || !lower_session() ||
        setpriority(PRIO_PROCESS, 0, kLowest) != 0 || // its threads inherit it
        sched_getaffinity(0, sizeof(processors), &processors) != 0)
        _exit(1);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &processors))
            std::thread(spin, i).detach();
    if (write(ready, "r", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

} // namespace

Awake::Awake(bool wanted)
{
    if (!wanted)
        return;
    const pid_t parent = getpid();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw std::runtime_error("--awake: no pipe");
    child_ = fork();
    if (child_ == 0) {
        close(ends[0]);
        run_child(parent, ends[1]);
    }
    close(ends[1]);
    char ready;
    const bool spinning = child_ > 0 && read(ends[0], &ready, 1) == 1;
    close(ends[0]);
    if (spinning)
        return;
    if (child_ > 0)
        waitpid(child_, nullptr, 0);
    throw std::runtime_error("--awake: cannot start threads of the lowest priority");
}

Awake::~Awake()
{
    if (child_ <= 0)
        return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

} // namespace bench
