// SPDX-License-Identifier: PostgreSQL
//
// Memory that kernels read by whole registers: aligned to a cache line, which is an AVX-512
// register.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "utils/memutils.h"
}

namespace vx::index
{

constexpr Size kAlignment = 64;

/// `count` of T, uninitialised. It cannot be freed by itself: it goes with its context.
template <class T>
T *
aligned_array(MemoryContext context, Size count)
{
    void *memory =
        MemoryContextAllocExtended(context, count * sizeof(T) + kAlignment, MCXT_ALLOC_HUGE);
    return reinterpret_cast<T *>(TYPEALIGN(kAlignment, memory));
}

} // namespace vx::index
