// SPDX-License-Identifier: PostgreSQL
//
// Memory for C++ objects inside PostgreSQL (rules B9 and B10): an allocator over a memory context
// that throws instead of longjmping, and objects whose destructor runs when their context goes.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "utils/memutils.h"
}

#include "pg/guard.hpp"

#include <limits>
#include <new>
#include <utility>
#include <vector>

namespace pg
{

/// Standard allocator over a memory context. Never longjmps: asks with MCXT_ALLOC_NO_OOM and throws
/// std::bad_alloc, so containers may live in frames with destructors.
template <class T> class Allocator
{
    static_assert(alignof(T) <= MAXIMUM_ALIGNOF, "a memory context aligns no better");

  public:
    using value_type = T;

    explicit Allocator(MemoryContext context) noexcept : context_(context) {}

    template <class U> Allocator(const Allocator<U> &other) noexcept : context_(other.context()) {}

    T *allocate(std::size_t n)
    {
        if (n > MaxAllocHugeSize / sizeof(T))
            throw std::bad_alloc();
        void *p = MemoryContextAllocExtended(context_, n * sizeof(T),
                                             MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
        if (p == nullptr)
            throw std::bad_alloc();
        return static_cast<T *>(p);
    }

    void deallocate(T *p, std::size_t) noexcept { pfree(p); }

    MemoryContext context() const noexcept { return context_; }

    template <class U> bool operator==(const Allocator<U> &other) const noexcept
    {
        return context_ == other.context();
    }

    template <class U> bool operator!=(const Allocator<U> &other) const noexcept
    {
        return !(*this == other);
    }

  private:
    MemoryContext context_;
};

template <class T> using vector = std::vector<T, Allocator<T>>;

/// Makes a T in `context`; its destructor runs when the context is reset or deleted, at commit and
/// at abort alike. ~T() must be noexcept and call nothing that can raise. May throw and may raise:
/// call it from a plain frame or catch both worlds with entry().
template <class T, class... Args>
T *
make_in_context(MemoryContext context, Args &&...args)
{
    static_assert(alignof(T) <= MAXIMUM_ALIGNOF, "a memory context aligns no better");
    static_assert(std::is_nothrow_destructible_v<T>);

    struct Holder {
        MemoryContextCallback callback;
        alignas(T) unsigned char storage[sizeof(T)];
    };

    auto *holder = guarded(
        [&] { return static_cast<Holder *>(MemoryContextAllocZero(context, sizeof(Holder))); });
    T *object = new (holder->storage) T(std::forward<Args>(args)...);
    holder->callback.func = [](void *arg) { static_cast<T *>(arg)->~T(); };
    holder->callback.arg = object;
    MemoryContextRegisterResetCallback(context, &holder->callback); // cannot raise: links a node
    return object;
}

/// Switches CurrentMemoryContext for a scope. Only for frames that own C++ objects anyway; plain
/// frames use MemoryContextSwitchTo, since this class has a destructor.
class MemoryContextScope
{
  public:
    explicit MemoryContextScope(MemoryContext context) noexcept
        : previous_(MemoryContextSwitchTo(context))
    {
    }

    ~MemoryContextScope() { MemoryContextSwitchTo(previous_); }

    MemoryContextScope(const MemoryContextScope &) = delete;
    MemoryContextScope &operator=(const MemoryContextScope &) = delete;

  private:
    MemoryContext previous_;
};

} // namespace pg
