// SPDX-License-Identifier: PostgreSQL
//
// The directory: where the slices of each list are.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/lists.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace vx::ivfrabitq
{

/// Raises unless it is the page that begins with that list.
static const page::ListEntry *
entries_of(Relation index, const Meta &meta, Buffer directory, uint32 first_list)
{
    Page page = BufferGetPage(directory);
    const auto *header = page::content<page::DirectoryPage>(page);
    if (!page::has_kind(page, page::Kind::directory) || header->first_list != first_list ||
        header->count != Min(page::kEntriesPerPage, meta.page.list_capacity - first_list) ||
        reinterpret_cast<PageHeader>(page)->pd_lower !=
            page::kEntriesOffset + header->count * sizeof(page::ListEntry))
        report_corrupted(index, BufferGetBlockNumber(directory),
                         "not the directory page expected here");
    return reinterpret_cast<const page::ListEntry *>(page + page::kEntriesOffset);
}

page::ListEntry *
find_entry(Relation index, const Meta &meta, Buffer directory, uint32 list)
{
    entries_of(index, meta, directory, list / page::kEntriesPerPage * page::kEntriesPerPage);
    return reinterpret_cast<page::ListEntry *>(BufferGetPage(directory) + entry_offset(list));
}

page::ListEntry
read_list_entry(Relation index, const Meta &meta, uint32 list)
{
    Buffer buffer = read_page(index, directory_block(meta, list));
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const page::ListEntry entry = *find_entry(index, meta, buffer, list);
    UnlockReleaseBuffer(buffer);
    return entry;
}

/// Raises if a scan could not follow the entry.
static void
check_entry(Relation index, const Meta &meta, uint32 list, const page::ListEntry &entry)
{
    const BlockNumber block = directory_block(meta, list);
    const uint32 scan_end = meta.page.first_scan + meta.page.scan_pages;
    if (entry.run_pages > 0 &&
        (entry.run_start < meta.page.first_scan || entry.run_start >= scan_end ||
         entry.run_pages > scan_end - entry.run_start))
        report_corrupted(index, block, "a run lies outside the scan pages");
    if (page::is_valid(entry.first) && !is_scan_block(meta, entry.first.block))
        report_corrupted(index, block, "a link leads out of the scan pages");
}

/// The last version of the structure that the entry speaks of.
static uint32
last_version(const page::ListEntry &entry)
{
    const uint32 born = entry.born == page::kUnborn ? 0 : entry.born;
    return (entry.flags & page::kVacant) ? 0 : Max(born, entry.died);
}

/// A split may have made a version since `meta` was read, and nothing else can have one to come:
/// such lists would be left out.
static void
check_versions(Relation index, const Meta &meta, const page::ListEntry *entries)
{
    uint32 last = 0;
    uint32 list = 0;
    for (uint32 i = 0; i < meta.page.lists; i++)
        if (last_version(entries[i]) > last) {
            last = last_version(entries[i]);
            list = i;
        }
    if (last > meta.page.structure_version && last > read_meta(index).page.structure_version)
        report_corrupted(index, directory_block(meta, list), "a list is of a version to come");
}

static void
read_entries(Relation index, const Meta &meta, page::ListEntry *entries)
{
    for (uint32 first = 0; first < meta.page.lists; first += page::kEntriesPerPage) {
        CHECK_FOR_INTERRUPTS();
        const uint32 count = Min(page::kEntriesPerPage, meta.page.lists - first);
        Buffer buffer = read_page(index, directory_block(meta, first));
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        memcpy(entries + first, entries_of(index, meta, buffer, first),
               count * sizeof(page::ListEntry));
        UnlockReleaseBuffer(buffer);
        for (uint32 i = first; i < first + count; i++)
            check_entry(index, meta, i, entries[i]);
    }
    check_versions(index, meta, entries);
}

uint32
count_lists(Relation index, const Meta &meta)
{
    uint32 found = 0;
    for (uint32 first = 0; first < meta.page.lists; first += page::kEntriesPerPage) {
        CHECK_FOR_INTERRUPTS();
        const uint32 count = Min(page::kEntriesPerPage, meta.page.lists - first);
        Buffer buffer = ReadBuffer(index, directory_block(meta, first));
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        const page::ListEntry *entries = entries_of(index, meta, buffer, first);
        for (uint32 i = 0; i < count; i++)
            found += page::exists_in(entries[i], meta.page.structure_version) &&
                     !(entries[i].flags & page::kGivenUp);
        UnlockReleaseBuffer(buffer);
    }
    return found;
}

static void
note_unused(const Meta &meta, DirectoryCache *cache)
{
    uint32 count = 0;
    for (uint32 i = 0; i < cache->count; i++)
        count += !page::exists_in(cache->entries[i], meta.page.structure_version);
    cache->unused =
        static_cast<uint32 *>(MemoryContextAlloc(cache->context, (count + 1) * sizeof(uint32)));
    cache->unused_count = 0;
    for (uint32 i = 0; i < cache->count; i++)
        if (!page::exists_in(cache->entries[i], meta.page.structure_version))
            cache->unused[cache->unused_count++] = i;

    const auto places = static_cast<uint32>(kernel::kBlockCentroids);
    const uint32 blocks = list_blocks(meta);
    cache->unused_before =
        static_cast<uint32 *>(MemoryContextAlloc(cache->context, (blocks + 1) * sizeof(uint32)));
    uint32 before = 0;
    for (uint32 block = 0; block <= blocks; block++) {
        while (before < count && cache->unused[before] < block * places)
            before++;
        cache->unused_before[block] = before;
    }
}

const DirectoryCache *
read_directory(Relation index, const Meta &meta)
{
    if (unlikely(index->rd_amcache == nullptr))
        get_meta(index); // an invalidation came between
    DirectoryCache *cache = directory_cache(index);
    if (likely(cache->entries != nullptr && cache->count == meta.page.lists &&
               cache->structure_version == meta.page.structure_version))
        return cache;

    if (cache->entries != nullptr) {
        pfree(cache->entries);
        pfree(cache->unused);
        pfree(cache->unused_before);
        cache->entries = nullptr;
    }
    const Size bytes = meta.page.lists * sizeof(page::ListEntry);
    auto *entries = static_cast<page::ListEntry *>(
        MemoryContextAllocExtended(cache->context, bytes, MCXT_ALLOC_HUGE));
    read_entries(index, meta, entries);
    cache->count = meta.page.lists;
    cache->structure_version = meta.page.structure_version;
    cache->entries = entries;
    note_unused(meta, cache);
    return cache;
}

} // namespace vx::ivfrabitq
