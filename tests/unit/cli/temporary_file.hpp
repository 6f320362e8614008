// SPDX-License-Identifier: PostgreSQL
//
// A file with given bytes, removed at the end of the test.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>

class TemporaryFile
{
  public:
    explicit TemporaryFile(const std::string &bytes, const std::string &suffix = "")
    {
        std::string name = (std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp");
        name += "/vecmesh-test-XXXXXX" + suffix;
        const int descriptor = mkstemps(name.data(), static_cast<int>(suffix.size()));
        if (descriptor >= 0)
            close(descriptor);
        path_ = name;
        std::ofstream(path_, std::ios::binary) << bytes;
    }

    ~TemporaryFile() { unlink(path_.c_str()); }

    TemporaryFile(const TemporaryFile &) = delete;
    TemporaryFile &operator=(const TemporaryFile &) = delete;

    const std::string &path() const { return path_; }

  private:
    std::string path_;
};

/// The text of the exception of type Exception that body raises, or "" when it raises none.
template <class Exception, class Body>
std::string
message_of(Body &&body)
{
    try {
        body();
    } catch (const Exception &e) {
        return e.what();
    }
    return "";
}
