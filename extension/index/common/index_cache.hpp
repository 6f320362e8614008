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

/// By block: in which shared buffer this backend saw the page last; InvalidBuffer: not seen.
struct RecentBuffers {
    uint32 slots;
    Buffer *buffers;
};

/// The first member of what an access method keeps.
struct IndexCache {
    MemoryContext context; // for what it points to
    RecentBuffers index;
    RecentBuffers table;
};

/// Sets rd_amcache to `bytes` zeroed bytes that begin with an IndexCache. REQUIRES: it is nullptr.
void *make_index_cache(Relation index, Size bytes);

/// Forgets it, if there is one.
void forget_index_cache(Relation index);

/// ReadBuffer() for scans: tries the buffer where this backend saw the page last, because
/// PostgreSQL's own look-up misses the processor's caches. Raises INDEX_CORRUPTED if there is no
/// such block. The caller releases the pin.
Buffer read_cached_page(Relation index, BlockNumber block);

/// The same; *known: the page is where this backend has seen it before (and checked what it is).
Buffer read_known_page(Relation index, BlockNumber block, bool *known);

/// The same for the table of the index.
Buffer read_cached_table_page(Relation index, Relation table, BlockNumber block);

/// Starts to fetch what expect_page() reads of that block.
void announce_page(Relation index, BlockNumber block);

/// Where the page was in memory when read_cached_page() read it last; nullptr if it did not.
/// Without a pin: good for prefetching, not for reading. Starts to fetch what pinning it will need.
const char *expect_page(Relation index, BlockNumber block);
const char *expect_table_page(Relation index, BlockNumber block);

} // namespace vx::index
