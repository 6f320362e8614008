// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/index_cache.hpp"

extern "C" {
#include "nodes/memnodes.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
}

#include "index/common/existing_block.hpp"
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
recent_slot(Relation relation, MemoryContext context, RecentBuffers *recent, BlockNumber block)
{
    if (block >= kMaxRecent)
        return nullptr;
    if (unlikely(block >= recent->slots)) {
        const uint32 slots = Min(Max(block + 1, RelationGetNumberOfBlocks(relation)), kMaxRecent);
        auto *buffers =
            static_cast<Buffer *>(MemoryContextAllocZero(context, slots * sizeof(Buffer)));
        if (recent->buffers != nullptr) {
            memcpy(buffers, recent->buffers, recent->slots * sizeof(Buffer));
            pfree(recent->buffers);
        }
        recent->buffers = buffers;
        recent->slots = slots;
    }
    return &recent->buffers[block];
}

/// Whether the block was read before: then it exists. What damage says of others is checked.
static bool
is_known(const RecentBuffers &recent, BlockNumber block)
{
    return block < recent.slots && recent.buffers[block] != InvalidBuffer;
}

static Buffer
read_recent(Relation relation, IndexCache *cache, RecentBuffers *recent, BlockNumber block,
            bool *known)
{
    static_assert(InvalidBuffer == 0);
    *known = false;
    if (cache == nullptr || RelationUsesLocalBuffers(relation))
        return ReadBuffer(relation, block);

    Buffer *slot = recent_slot(relation, cache->context, recent, block);
    if (slot != nullptr && *slot != InvalidBuffer &&
        ReadRecentBuffer(*pg::relation_locator(relation), MAIN_FORKNUM, block, *slot)) {
        pgstat_count_buffer_read(relation);
        pgstat_count_buffer_hit(relation);
        *known = true;
        return *slot;
    }
    const Buffer buffer = ReadBuffer(relation, block);
    if (slot != nullptr)
        *slot = buffer; // ReadBuffer() processes no invalidation: the cache is where it was
    return buffer;
}

static IndexCache *
cache_of(Relation index)
{
    return static_cast<IndexCache *>(index->rd_amcache);
}

Buffer
read_known_page(Relation index, BlockNumber block, bool *known)
{
    IndexCache *cache = cache_of(index);
    if (cache == nullptr || unlikely(!is_known(cache->index, block)))
        check_index_block(index, block);
    return read_recent(index, cache, cache != nullptr ? &cache->index : nullptr, block, known);
}

Buffer
read_cached_page(Relation index, BlockNumber block)
{
    bool known;
    return read_known_page(index, block, &known);
}

Buffer
read_cached_table_page(Relation index, Relation table, BlockNumber block)
{
    IndexCache *cache = cache_of(index);
    if (cache == nullptr || unlikely(!is_known(cache->table, block))) {
        TableEnd end = {};
        end.check(index, table, block);
    }
    bool known;
    return read_recent(table, cache, cache != nullptr ? &cache->table : nullptr, block, &known);
}

static const char *
expect(const RecentBuffers &recent, BlockNumber block)
{
#ifdef USE_VALGRIND
    return nullptr; // there only pinned pages may be read, even for a guess what to prefetch
#endif
    if (block >= recent.slots || recent.buffers[block] == InvalidBuffer)
        return nullptr;
    const Buffer buffer = recent.buffers[block];
    __builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
    return static_cast<const char *>(BufferGetBlock(buffer));
}

void
announce_page(Relation index, BlockNumber block)
{
    const IndexCache *cache = cache_of(index);
    if (cache != nullptr && block < cache->index.slots)
        __builtin_prefetch(&cache->index.buffers[block]);
}

const char *
expect_page(Relation index, BlockNumber block)
{
    const IndexCache *cache = cache_of(index);
    return cache != nullptr ? expect(cache->index, block) : nullptr;
}

const char *
expect_table_page(Relation index, BlockNumber block)
{
    const IndexCache *cache = cache_of(index);
    return cache != nullptr ? expect(cache->table, block) : nullptr;
}

} // namespace vx::index
