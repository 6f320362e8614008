// SPDX-License-Identifier: PostgreSQL
//
// A file read from its beginning to its end, uncompressed on the way when it is gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace cli
{

class ByteSource
{
  public:
    /// Raises CommandError when the file cannot be opened.
    explicit ByteSource(const std::string &path);
    ~ByteSource();
    ByteSource(const ByteSource &) = delete;
    ByteSource &operator=(const ByteSource &) = delete;

    /// Up to `size` bytes; fewer only at the end. Raises CommandError for a damaged file.
    size_t read(void *buffer, size_t size);
    /// One line without its line end (LF or CR LF); false at the end of the file.
    bool read_line(std::string &line);

    const std::string &path() const { return path_; }

    bool compressed() const { return compressed_; }

    /// Size on disk, and how much of that has been read: for a progress bar.
    uint64_t file_size() const { return file_size_; }

    uint64_t file_position() const;

  private:
    bool fill();

    std::string path_;
    void *file_ = nullptr; // gzFile: zlib's header stays out of ours
    bool compressed_ = false;
    uint64_t file_size_ = 0;
    std::string buffer_;
    size_t used_ = 0;
};

} // namespace cli
