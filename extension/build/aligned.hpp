// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>

namespace vx::build
{

/// What the kernels ask of blocks, planes and workspaces. A vector that holds one is so much
/// longer.
constexpr std::size_t kAlignment = 64;

template <class T>
T *
align(T *p) noexcept
{
    static_assert(sizeof(T) == 1);
    return p + (kAlignment - reinterpret_cast<std::uintptr_t>(p) % kAlignment) % kAlignment;
}

} // namespace vx::build
