// SPDX-License-Identifier: PostgreSQL
//
// Memory asked for before it is needed. Not a loop over __builtin_prefetch(): g++ 12 takes a loop
// of known length that does nothing else for one without effect, and drops it and what follows it.
#pragma once

#include <cstddef>
#include <utility>

namespace vx::index
{

constexpr std::size_t kCacheLineBytes = 64;

template <std::size_t... Lines>
inline void
fetch_lines(const char *memory, std::index_sequence<Lines...> /*unused*/)
{
    (__builtin_prefetch(memory + Lines * kCacheLineBytes), ...);
}

/// Starts to fetch so many cache lines. The address need not be valid.
template <std::size_t Lines>
inline void
fetch_ahead(const char *memory)
{
    fetch_lines(memory, std::make_index_sequence<Lines>{});
}

} // namespace vx::index
