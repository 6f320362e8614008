// SPDX-License-Identifier: PostgreSQL
//
// What a server does to its files, written down in order: preloaded (LD_PRELOAD) into the server by
// powerloss.py, whose disk.py works out from the log what a disk might hold after a power failure.
//
//     VECMESH_RECORDER_ROOT   the data directory: only what lies in it is recorded
//     VECMESH_RECORDER_LOG    the log
//     VECMESH_RECORDER_SYNC   microseconds that a sync takes
//
// Every change is done first and logged then, by one write to a file opened for appending, so that
// the log has one order for all processes. Whoever waits for a change to be over (by a lock, a
// message, a sync request) therefore finds it in the log before what it does next. A sync is logged
// when it begins and when it ends: what was logged before it began is safe once it ended. It syncs
// nothing, since no power will fail: the time that it takes is waited.
//
// A log record, in the machine's byte order: Head, `path_length` bytes of path (two paths with a
// zero byte between, for rename and link), `length` bytes of data. Paths are relative to the root.
//
// Not recorded: what the C library writes by itself behind fopen() (caches that recovery removes
// or does not read), and mappings (the server maps no file of its data directory).
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECORDER_EXPORT extern "C" __attribute__((visibility("default")))

namespace
{

/// Read by recording.py.
enum class Kind : std::uint16_t {
    create = 1, // or opened with O_CREAT
    write = 2,
    truncate = 3, // to `offset` bytes
    rename = 4,
    link = 5,
    unlink = 6,
    mkdir = 7,
    rmdir = 8,
    sync_begin = 9,
    sync_end = 10,
    // 11: a mark that the campaign makes
};

struct Head {
    std::uint32_t magic;
    Kind kind;
    std::uint16_t path_length;
    std::uint32_t process;
    std::uint32_t length;
    std::uint64_t inode;
    std::uint64_t offset;
};

static_assert(sizeof(Head) == 32);

constexpr std::uint32_t kMagic = 0x64726f77;
constexpr int kMostFiles = 1 << 16;
constexpr int kLogFile = 500; // out of the way, below any limit

// Plain: open() may be called before any constructor of ours.
char root[4096]; // ends in a slash
int log_file = -1;
useconds_t sync_time;
std::uint64_t inodes[kMostFiles]; // of open files in the root, by descriptor; else 0

[[noreturn]] void
fail(const char *what)
{
    std::fprintf(stderr, "recorder: %s: %s\n", what, std::strerror(errno));
    std::abort();
}

template <class Function>
Function
next(const char *name)
{
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

#define NEXT(name) static const auto real = next<decltype(&name)>(#name)

__attribute__((constructor)) void
start()
{
    const char *folder = std::getenv("VECMESH_RECORDER_ROOT");
    const char *log = std::getenv("VECMESH_RECORDER_LOG");
    const char *time = std::getenv("VECMESH_RECORDER_SYNC");
    if (folder == nullptr || log == nullptr)
        return;
    std::snprintf(root, sizeof(root), "%s/", folder);
    sync_time = time != nullptr ? static_cast<useconds_t>(std::atoi(time)) : 0;
    const int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        fail(log);
    const int moved = fcntl(file, F_DUPFD_CLOEXEC, kLogFile);
    if (moved < 0)
        fail("no room for the log among the open files");
    close(file);
    log_file = moved;
}

/// Relative to the root; empty: not in it.
std::string
relative(const char *path)
{
    if (log_file < 0)
        return {};
    std::string full = path;
    if (path[0] != '/') {
        char folder[4096];
        if (getcwd(folder, sizeof(folder)) == nullptr)
            return {};
        full = std::string(folder) + "/" + (std::strncmp(path, "./", 2) == 0 ? path + 2 : path);
    }
    if (full + "/" == root)
        return ".";
    const std::size_t length = std::strlen(root);
    return full.compare(0, length, root) == 0 ? full.substr(length) : std::string();
}

void
put(Kind kind, std::uint64_t inode, std::uint64_t offset, const std::string &path,
    const void *data = nullptr, std::size_t length = 0)
{
    const int error = errno;
    Head head = {kMagic,
                 kind,
                 static_cast<std::uint16_t>(path.size()),
                 static_cast<std::uint32_t>(getpid()),
                 static_cast<std::uint32_t>(length),
                 inode,
                 offset};
    const iovec parts[] = {{&head, sizeof(head)},
                           {const_cast<char *>(path.data()), path.size()},
                           {const_cast<void *>(data), length}};
    const auto all = static_cast<ssize_t>(sizeof(head) + path.size() + length);
    if (writev(log_file, parts, 3) != all)
        fail("log");
    errno = error;
}

std::uint64_t
inode_of(int file)
{
    return log_file >= 0 && file >= 0 && file < kMostFiles ? inodes[file] : 0;
}

std::uint64_t
inode_of_path(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

/// After open(): the descriptor is known from now on.
void
note_open(int file, const char *path, int flags)
{
    const int error = errno;
    if (log_file < 0 || file < 0)
        return;
    if (file >= kMostFiles)
        fail("too many open files");
    const std::string name = relative(path);
    struct stat status;
    inodes[file] = !name.empty() && fstat(file, &status) == 0 ? status.st_ino : 0;
    if (inodes[file] != 0 && (flags & O_CREAT) != 0)
        put(Kind::create, inodes[file], 0, name);
    if (inodes[file] != 0 && (flags & O_TRUNC) != 0)
        put(Kind::truncate, inodes[file], 0, {});
    errno = error;
}

void
note_paths(Kind kind, const char *from, const char *to)
{
    const std::string old_name = relative(from), new_name = relative(to);
    if (!old_name.empty() && !new_name.empty())
        put(kind, 0, 0, old_name + std::string(1, '\0') + new_name);
    else if (!old_name.empty() || !new_name.empty())
        fail("a file moved between the data directory and elsewhere");
}

void
note_path(Kind kind, const char *path, std::uint64_t inode)
{
    const std::string name = relative(path);
    if (!name.empty())
        put(kind, inode, 0, name);
}

int
record_sync(int file, int (*real)(int))
{
    const std::uint64_t inode = inode_of(file);
    if (inode == 0)
        return real(file);
    put(Kind::sync_begin, inode, 0, {});
    usleep(sync_time);
    put(Kind::sync_end, inode, 0, {});
    return 0;
}

} // namespace

RECORDER_EXPORT int
open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    NEXT(open);
    const int file = real(path, flags, mode);
    note_open(file, path, flags);
    return file;
}

RECORDER_EXPORT FILE *
fopen(const char *path, const char *mode)
{
    NEXT(fopen);
    FILE *stream = real(path, mode);
    if (stream != nullptr)
        note_open(fileno(stream), path, mode[0] == 'r' ? 0 : O_CREAT | O_TRUNC);
    return stream;
}

RECORDER_EXPORT int
close(int file)
{
    NEXT(close);
    if (inode_of(file) != 0)
        inodes[file] = 0;
    return real(file);
}

RECORDER_EXPORT int
fclose(FILE *stream)
{
    NEXT(fclose);
    if (inode_of(fileno(stream)) != 0)
        inodes[fileno(stream)] = 0;
    return real(stream);
}

RECORDER_EXPORT ssize_t
write(int file, const void *data, size_t length)
{
    NEXT(write);
    const ssize_t written = real(file, data, length);
    if (written > 0 && inode_of(file) != 0) {
        const off_t end = lseek(file, 0, SEEK_CUR);
        put(Kind::write, inode_of(file), static_cast<std::uint64_t>(end - written), {}, data,
            static_cast<std::size_t>(written));
    }
    return written;
}

RECORDER_EXPORT ssize_t
pwrite(int file, const void *data, size_t length, off_t offset)
{
    NEXT(pwrite);
    const ssize_t written = real(file, data, length, offset);
    if (written > 0 && inode_of(file) != 0)
        put(Kind::write, inode_of(file), static_cast<std::uint64_t>(offset), {}, data,
            static_cast<std::size_t>(written));
    return written;
}

RECORDER_EXPORT ssize_t
pwritev(int file, const iovec *parts, int count, off_t offset)
{
    NEXT(pwritev);
    const ssize_t written = real(file, parts, count, offset);
    if (written <= 0 || inode_of(file) == 0)
        return written;
    std::string data;
    for (int i = 0; i < count; i++)
        data.append(static_cast<const char *>(parts[i].iov_base), parts[i].iov_len);
    put(Kind::write, inode_of(file), static_cast<std::uint64_t>(offset), {}, data.data(),
        static_cast<std::size_t>(written));
    return written;
}

RECORDER_EXPORT int
ftruncate(int file, off_t size) noexcept
{
    NEXT(ftruncate);
    const int result = real(file, size);
    if (result == 0 && inode_of(file) != 0)
        put(Kind::truncate, inode_of(file), static_cast<std::uint64_t>(size), {});
    return result;
}

RECORDER_EXPORT int
truncate(const char *path, off_t size) noexcept
{
    NEXT(truncate);
    const int result = real(path, size);
    if (result == 0 && !relative(path).empty())
        put(Kind::truncate, inode_of_path(path), static_cast<std::uint64_t>(size), {});
    return result;
}

RECORDER_EXPORT int
rename(const char *from, const char *to) noexcept
{
    NEXT(rename);
    const int result = real(from, to);
    if (result == 0)
        note_paths(Kind::rename, from, to);
    return result;
}

RECORDER_EXPORT int
link(const char *from, const char *to) noexcept
{
    NEXT(link);
    const int result = real(from, to);
    if (result == 0)
        note_paths(Kind::link, from, to);
    return result;
}

RECORDER_EXPORT int
unlink(const char *path) noexcept
{
    NEXT(unlink);
    const int result = real(path);
    if (result == 0)
        note_path(Kind::unlink, path, 0);
    return result;
}

RECORDER_EXPORT int
mkdir(const char *path, mode_t mode) noexcept
{
    NEXT(mkdir);
    const int result = real(path, mode);
    if (result == 0)
        note_path(Kind::mkdir, path, inode_of_path(path));
    return result;
}

RECORDER_EXPORT int
rmdir(const char *path) noexcept
{
    NEXT(rmdir);
    const int result = real(path);
    if (result == 0)
        note_path(Kind::rmdir, path, 0);
    return result;
}

RECORDER_EXPORT int
fsync(int file)
{
    NEXT(fsync);
    return record_sync(file, real);
}

RECORDER_EXPORT int
fdatasync(int file)
{
    NEXT(fdatasync);
    return record_sync(file, real);
}

/// A promise of nothing: the disk may write what it likes when it likes.
RECORDER_EXPORT int
sync_file_range(int, off64_t, off64_t, unsigned)
{
    return 0;
}

/// The server would sync everything at once by it: no campaign sets that up.
RECORDER_EXPORT int
syncfs(int) noexcept
{
    errno = ENOSYS;
    return -1;
}
