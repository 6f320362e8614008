// SPDX-License-Identifier: PostgreSQL
//
// The rows of a build between its sort and its pages: a key and the bytes of a RowCode.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/itemptr.h"
}

#include "index/ivfrabitq/options.hpp"

namespace vx::ivfrabitq
{

constexpr int kOffsetBits = 11; // of a heap's offset numbers; larger ones sort as if equal
constexpr int kBlockBits = 32;

/// By list, and within a list as the table has the rows: equal tables give equal indexes, and rows
/// that are compared exactly lie in table order.
inline int64
sort_key(uint32 list, const ItemPointerData *tid)
{
    constexpr uint32 largest = (1u << kOffsetBits) - 1;
    static_assert(int64{kMaxLists} <= int64{1} << (63 - kBlockBits - kOffsetBits));
    const uint32 offset = Min(static_cast<uint32>(ItemPointerGetOffsetNumberNoCheck(tid)), largest);
    const auto block = static_cast<int64>(ItemPointerGetBlockNumberNoCheck(tid));
    return static_cast<int64>(list) << (kBlockBits + kOffsetBits) | block << kOffsetBits | offset;
}

inline uint32
list_of_key(int64 key)
{
    return static_cast<uint32>(key >> (kBlockBits + kOffsetBits));
}

} // namespace vx::ivfrabitq
