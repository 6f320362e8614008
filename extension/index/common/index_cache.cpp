// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/index_cache.hpp"

extern "C" {
#include "nodes/memnodes.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
}

#include "pg/compat.hpp"

namespace vx::index
{

static const char *const kContextName = "vector index cache"; // found again by address

constexpr uint32 kMaxRecent = 4 * 1024 * 1024; // 16 MB per backend, for an index of 32 GB

/// The context that an earlier cache of the entry left; nullptr: there was none.
static MemoryContext
find_context(Relation index)
{
    for (MemoryContext child = index->rd_indexcxt->firstchild; child != nullptr;
         child = child->nextchild)
        if (child->name == kContextName)
            return child;
    return nullptr;
}

void *
make_index_cache(Relation index, Size bytes)
{
    Assert(index->rd_amcache == nullptr);
    MemoryContext context = find_context(index);
    if (context != nullptr)
        MemoryContextReset(context);
    else
        context =
            AllocSetContextCreateInternal(index->rd_indexcxt, kContextName, ALLOCSET_DEFAULT_SIZES);
    auto *cache = static_cast<IndexCache *>(MemoryContextAllocZero(context, bytes));
    cache->context = context;
    index->rd_amcache = cache;
    return cache;
}

void
forget_index_cache(Relation index)
{
    index->rd_amcache = nullptr;
    MemoryContext context = find_context(index);
    if (context != nullptr)
        MemoryContextReset(context);
}

/// Where the block's buffer is remembered; nullptr: nowhere.
static Buffer *
recent_slot(Relation index, BlockNumber block)
{
    auto *cache = static_cast<IndexCache *>(index->rd_amcache);
    if (cache == nullptr || block >= kMaxRecent)
        return nullptr;
    if (unlikely(block >= cache->recent_slots)) {
        const uint32 slots = Min(Max(block + 1, RelationGetNumberOfBlocks(index)), kMaxRecent);
        auto *recent =
            static_cast<Buffer *>(MemoryContextAllocZero(cache->context, slots * sizeof(Buffer)));
        if (cache->recent != nullptr) {
            memcpy(recent, cache->recent, cache->recent_slots * sizeof(Buffer));
            pfree(cache->recent);
        }
        cache->recent = recent;
        cache->recent_slots = slots;
    }
    return &cache->recent[block];
}

Buffer
read_cached_page(Relation index, BlockNumber block)
{
    static_assert(InvalidBuffer == 0);
    if (RelationUsesLocalBuffers(index))
        return ReadBuffer(index, block);

    Buffer *slot = recent_slot(index, block);
    if (slot != nullptr && *slot != InvalidBuffer &&
        ReadRecentBuffer(*pg::relation_locator(index), MAIN_FORKNUM, block, *slot)) {
        pgstat_count_buffer_read(index);
        pgstat_count_buffer_hit(index);
        return *slot;
    }
    const Buffer buffer = ReadBuffer(index, block);
    if (slot != nullptr)
        *slot = buffer; // ReadBuffer() processes no invalidation: the cache is where it was
    return buffer;
}

const char *
last_known_page(Relation index, BlockNumber block)
{
    const auto *cache = static_cast<const IndexCache *>(index->rd_amcache);
    if (cache == nullptr || block >= cache->recent_slots || cache->recent[block] == InvalidBuffer)
        return nullptr;
    return BufferGetPage(cache->recent[block]);
}

} // namespace vx::index
