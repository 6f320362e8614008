// SPDX-License-Identifier: PostgreSQL
//
// What a backend keeps about an open index beside PostgreSQL's relation cache entry. PostgreSQL
// knows one chunk, rd_amcache, and frees it at any invalidation; all else lies in a memory context
// of its own below the entry, which the next make_index_cache() finds and empties.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/buf.h"
#include "utils/rel.h"
}

namespace vx::index
{

/// The first member of what an access method keeps.
struct IndexCache {
    MemoryContext context; // for what it points to
    uint32 recent_slots;
    Buffer *recent; // by block: where this backend saw the page last; InvalidBuffer: not seen
};

/// Sets rd_amcache to `bytes` zeroed bytes that begin with an IndexCache. REQUIRES: it is nullptr.
void *make_index_cache(Relation index, Size bytes);

/// Forgets it, if there is one.
void forget_index_cache(Relation index);

/// ReadBuffer() for scans: tries the buffer where this backend saw the page last, because
/// PostgreSQL's own look-up misses the processor's caches. The caller releases the pin.
Buffer read_cached_page(Relation index, BlockNumber block);

/// Where the page was in memory when read_cached_page() read it last; nullptr if it did not.
/// Without a pin: good for prefetching, not for reading.
const char *last_known_page(Relation index, BlockNumber block);

} // namespace vx::index
