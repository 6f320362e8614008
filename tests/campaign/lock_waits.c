/* SPDX-License-Identifier: PostgreSQL
 *
 * Preloaded into a server (LD_PRELOAD): how long its processes wait for lightweight locks, among them those of the
 * buffers' content. A process that must wait for one sleeps in sem_wait(); here is that function, with a clock. Every
 * wait of LOCK_WAITS_MICROSECONDS or more is a line of the file LOCK_WAITS: process, microseconds, how many of these
 * it was awake and waited for a processor, what for.
 *
 * A lock may be taken by another between waking up and trying again: waits for the same thing that follow each other
 * within a millisecond are one. So what is told is rather too much than too little.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int lines = -1; /* the file's descriptor, which all processes of the server inherit */
static int64_t shortest = 1000;

__attribute__((constructor)) static void
open_file(void)
{
    const char *path = getenv("LOCK_WAITS"), *least = getenv("LOCK_WAITS_MICROSECONDS");
    if (path != NULL)
        lines = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (least != NULL)
        shortest = atoll(least);
}

static int64_t
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

/* Microseconds that this process was ready to run and did not, since it began. */
static int64_t
queued(void)
{
    char text[128];
    const int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    long long nanoseconds = 0;
    if (fd >= 0)
        close(fd);
    if (length > 0) {
        text[length] = '\0';
        sscanf(text, "%*s %lld", &nanoseconds);
    }
    return nanoseconds / 1000;
}

/* What the server's process says that it waits for; the functions are PostgreSQL's. */
static uint32_t
event(void)
{
    uint32_t **info = (uint32_t **)dlsym(RTLD_DEFAULT, "my_wait_event_info");
    return info != NULL && *info != NULL ? *(volatile uint32_t *)*info : 0;
}

static const char *
event_name(uint32_t info)
{
    const char *(*name)(uint32_t) = (const char *(*)(uint32_t))dlsym(RTLD_DEFAULT, "pgstat_get_wait_event");
    const char *found = name != NULL ? name(info) : NULL;
    return found != NULL ? found : "?";
}

static void
note(uint32_t what, int64_t waited, int64_t ready)
{
    char line[160];
    const int length = snprintf(line, sizeof line, "%d %lld %lld %s\n", (int)getpid(), (long long)waited,
                                (long long)ready, event_name(what));
    if (length > 0 && write(lines, line, (size_t)length) < 0)
        return; /* a full disk: nothing can be told */
}

int
sem_wait(sem_t *semaphore)
{
    static int (*real)(sem_t *);
    static struct {
        uint32_t what;
        pid_t process; /* a child begins with its parent's */
        int64_t begin, end, queued;
    } last;
    if (real == NULL)
        real = (int (*)(sem_t *))dlsym(RTLD_NEXT, "sem_wait");
    if (lines < 0)
        return real(semaphore);

    const uint32_t what = event();
    const int64_t begin = now();
    if (what != last.what || begin - last.end > 1000 || last.process != getpid()) {
        last.what = what;
        last.process = getpid();
        last.begin = begin;
        last.queued = queued();
    }
    const int result = real(semaphore);
    const int saved = errno;
    last.end = now();
    if (last.end - last.begin >= shortest)
        note(what, last.end - last.begin, queued() - last.queued);
    errno = saved;
    return result;
}
