/* SPDX-License-Identifier: PostgreSQL
 *
 * Preloaded into a server (LD_PRELOAD): writes below FULL_DISK_FOLDER/base and FULL_DISK_FOLDER/pg_wal take from
 * budgets of bytes, and when one is used up they fail with ENOSPC, as on a full disk: the last write is a short one.
 * The budgets are in the file FULL_DISK_BUDGETS, which the campaign writes and all processes of the server map.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { AREAS = 2 };
static const char *const area_names[AREAS] = {"/base/", "/pg_wal/"};

/* As FullDisk in diskfull.py has it. */
struct budgets {
    int64_t left[AREAS];    /* bytes; below 0: no limit */
    int64_t refused[AREAS]; /* calls that failed or were cut short */
    int64_t overwriting;    /* not 0: to write over what is there takes space, too, as where files are copied on write */
};

static struct budgets *budgets;
static char *folder; /* a copy: a server writes its process title over the environment */

__attribute__((constructor)) static void
map_budgets(void)
{
    const char *path = getenv("FULL_DISK_BUDGETS");
    const char *given = getenv("FULL_DISK_FOLDER");
    const int fd = path != NULL && given != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0 || (folder = strdup(given)) == NULL)
        return;
    void *mapped = mmap(NULL, sizeof(struct budgets), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        budgets = mapped;
}

/* The area of a file; -1: none that has a limit now. */
static int
limited_area(int fd)
{
    if (budgets == NULL || (budgets->left[0] < 0 && budgets->left[1] < 0))
        return -1;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    const size_t prefix = strlen(folder);
    if (length < 0 || strncmp(path, folder, prefix) != 0)
        return -1;
    path[length] = '\0';
    for (int area = 0; area < AREAS; area++)
        if (strncmp(path + prefix, area_names[area], strlen(area_names[area])) == 0)
            return budgets->left[area] < 0 ? -1 : area;
    return -1;
}

static int64_t
take(int area, int64_t wanted)
{
    int64_t left = __atomic_load_n(&budgets->left[area], __ATOMIC_SEQ_CST), taken;
    do {
        if (left < 0)
            return wanted;
        taken = left < wanted ? left : wanted;
    } while (!__atomic_compare_exchange_n(&budgets->left[area], &left, left - taken, 0, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    if (taken < wanted)
        __atomic_fetch_add(&budgets->refused[area], 1, __ATOMIC_SEQ_CST);
    return taken;
}

/* How many of these bytes may be written; offset -1: where the file stands. */
static int64_t
granted(int fd, int64_t bytes, int64_t offset)
{
    const int saved = errno;
    const int area = limited_area(fd);
    int64_t cost = bytes;
    if (area >= 0 && budgets->overwriting == 0) {
        struct stat status;
        if (offset < 0)
            offset = lseek(fd, 0, SEEK_CUR);
        if (fstat(fd, &status) == 0)
            cost = offset + bytes - status.st_size;
        cost = cost < 0 ? 0 : cost > bytes ? bytes : cost;
    }
    if (area >= 0)
        bytes -= cost - take(area, cost);
    errno = saved;
    return bytes;
}

static void *
original(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static ssize_t
full(void)
{
    errno = ENOSPC;
    return -1;
}

ssize_t
write(int fd, const void *data, size_t bytes)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL)
        real = original("write");
    const int64_t some = granted(fd, (int64_t)bytes, -1);
    return some == 0 && bytes > 0 ? full() : real(fd, data, (size_t)some);
}

ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (real == NULL)
        real = original("pwrite");
    const int64_t some = granted(fd, (int64_t)bytes, offset);
    return some == 0 && bytes > 0 ? full() : real(fd, data, (size_t)some, offset);
}

/* A short write ends with a whole part. */
ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    static ssize_t (*real)(int, const struct iovec *, int, off_t);
    if (real == NULL)
        real = original("pwritev");
    int64_t bytes = 0, kept = 0;
    for (int i = 0; i < count; i++)
        bytes += (int64_t)parts[i].iov_len;
    const int64_t some = granted(fd, bytes, offset);
    if (some == bytes)
        return real(fd, parts, count, offset);
    int whole = 0;
    while (kept + (int64_t)parts[whole].iov_len <= some)
        kept += (int64_t)parts[whole++].iov_len;
    return whole == 0 ? full() : real(fd, parts, whole, offset);
}

int
posix_fallocate(int fd, off_t offset, off_t bytes)
{
    static int (*real)(int, off_t, off_t);
    if (real == NULL)
        real = original("posix_fallocate");
    return granted(fd, bytes, offset) < bytes ? ENOSPC : real(fd, offset, bytes);
}
