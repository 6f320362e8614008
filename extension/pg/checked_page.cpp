// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "pg/checked_page.hpp"

#include <cstdlib>

namespace pg
{

Page
checked_page(Buffer buffer)
{
    constexpr unsigned kCopies = 1024; // far more than pages are looked at at once
    constexpr size_t kAlignment = 128; // as that of shared buffers
    static char *copies[kCopies];
    static unsigned next;
    char *&copy = copies[next++ % kCopies];
    std::free(copy); // from now on the sanitizer tells who still reads it
    copy = static_cast<char *>(std::aligned_alloc(kAlignment, BLCKSZ));
    if (copy == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    memcpy(copy, BufferGetBlock(buffer), BLCKSZ);
    return copy;
}

} // namespace pg
