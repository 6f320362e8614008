// SPDX-License-Identifier: PostgreSQL
#include "cli/byte_source.hpp"

#include "cli/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <zlib.h>

namespace cli
{

static constexpr unsigned kBufferSize = 1 << 18;

ByteSource::ByteSource(const std::string &path) : path_(path)
{
    struct stat status;
    if (stat(path.c_str(), &status) != 0)
        throw CommandError(path + ": " + std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        throw CommandError(path + ": not a regular file");
    file_size_ = static_cast<uint64_t>(status.st_size);
    gzFile file = gzopen(path.c_str(), "rb");
    if (!file)
        throw CommandError(path + ": " + std::strerror(errno));
    gzbuffer(file, kBufferSize);
    compressed_ = gzdirect(file) == 0;
    file_ = file;
}

ByteSource::~ByteSource()
{
    gzclose(static_cast<gzFile>(file_));
}

bool
ByteSource::fill()
{
    buffer_.resize(kBufferSize);
    used_ = 0;
    gzFile file = static_cast<gzFile>(file_);
    const int got = gzread(file, buffer_.data(), kBufferSize);
    int error = Z_OK;
    const char *text = gzerror(file, &error);
    buffer_.resize(static_cast<size_t>(std::max(got, 0)));
    // A gzip file cut off gives its last bytes together with Z_BUF_ERROR.
    if (got < 0 || (error != Z_OK && error != Z_STREAM_END))
        throw CommandError(path_ + ": " + (error == Z_ERRNO ? std::strerror(errno) : text));
    return got > 0;
}

size_t
ByteSource::read(void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size && (used_ < buffer_.size() || fill())) {
        const size_t part = std::min(size - done, buffer_.size() - used_);
        std::memcpy(static_cast<char *>(buffer) + done, buffer_.data() + used_, part);
        used_ += part;
        done += part;
    }
    return done;
}

bool
ByteSource::read_line(std::string &line)
{
    line.clear();
    while (used_ < buffer_.size() || fill()) {
        const char *start = buffer_.data() + used_;
        const size_t left = buffer_.size() - used_;
        if (const void *end = std::memchr(start, '\n', left)) {
            const size_t length = static_cast<size_t>(static_cast<const char *>(end) - start);
            line.append(start, length);
            used_ += length + 1;
            if (!line.empty() && line.back() == '\r')
                line.pop_back();
            return true;
        }
        line.append(start, left);
        used_ = buffer_.size();
    }
    return !line.empty();
}

uint64_t
ByteSource::file_position() const
{
    const z_off_t position = gzoffset(static_cast<gzFile>(file_));
    return position < 0 ? 0 : static_cast<uint64_t>(position);
}

} // namespace cli
