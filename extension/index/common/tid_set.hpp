// SPDX-License-Identifier: PostgreSQL
//
// A set of row positions: which rows a scan has met or returned already.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/itemptr.h"
#include "utils/memutils.h"
}

namespace vx::index
{

/// Open addressing with linear probing; grows in its memory context. Zeroed memory is an empty set
/// that has no table yet.
struct TidSet {
    MemoryContext context;
    uint64 *table; // key + 1; 0: empty
    uint32 capacity;
    uint32 count;

    static uint64 key_of(const ItemPointerData &tid) noexcept
    {
        return (static_cast<uint64>(ItemPointerGetBlockNumberNoCheck(&tid)) << 16 | tid.ip_posid) +
               1;
    }

    uint32 home(uint64 key) const noexcept
    {
        return static_cast<uint32>((key * UINT64CONST(0x9e3779b97f4a7c15)) >> 32) & (capacity - 1);
    }

    void initialise(MemoryContext where) noexcept
    {
        context = where;
        table = nullptr;
        capacity = count = 0;
    }

    void clear() noexcept
    {
        if (count > 0)
            memset(table, 0, capacity * sizeof(uint64));
        count = 0;
    }

    bool contains(const ItemPointerData &tid) const noexcept
    {
        if (count == 0)
            return false;
        const uint64 key = key_of(tid);
        for (uint32 i = home(key); table[i] != 0; i = (i + 1) & (capacity - 1))
            if (table[i] == key)
                return true;
        return false;
    }

    /// False if it was there.
    bool add(const ItemPointerData &tid)
    {
        if (count * 2 >= capacity)
            grow();
        const uint64 key = key_of(tid);
        uint32 i = home(key);
        for (; table[i] != 0; i = (i + 1) & (capacity - 1))
            if (table[i] == key)
                return false;
        table[i] = key;
        count++;
        return true;
    }

  private:
    void grow()
    {
        constexpr uint32 kFirst = 1024;
        const TidSet old = *this;
        capacity = old.capacity == 0 ? kFirst : old.capacity * 2;
        table = static_cast<uint64 *>(
            MemoryContextAllocExtended(context, static_cast<Size>(capacity) * sizeof(uint64),
                                       MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
        for (uint32 i = 0; i < old.capacity; i++) {
            if (old.table[i] == 0)
                continue;
            uint32 at = home(old.table[i]);
            while (table[at] != 0)
                at = (at + 1) & (capacity - 1);
            table[at] = old.table[i];
        }
        if (old.table != nullptr)
            pfree(old.table);
    }
};

} // namespace vx::index
