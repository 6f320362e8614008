// SPDX-License-Identifier: PostgreSQL
//
// guarded(): runs PostgreSQL code that may raise (longjmp) from a frame that owns C++ objects.
//
// The two error worlds meet by one rule (B3): a longjmp must not cross a frame that holds an object
// with a non-trivial destructor. That leaves two lawful ways to call PostgreSQL:
//
//   1. from *plain* frames: every frame up to the entry point holds only trivially destructible
//      objects. Then the raw call is fine; the longjmp leaves nothing undone that abort does not
//      repair (memory contexts, resource owners, LWLocks). Most files here are written so; the
//      include check refuses owning C++ types in them.
//   2. through guarded(), when some frame does own C++ objects. The body must be plain itself.
//
// guarded() does not translate the error. It leaves ErrorData on PostgreSQL's own stack, throws the
// empty token pg::Error to unwind the C++ frames, and the entry point (entry.hpp) ends in
// PG_RE_THROW(). SQLSTATE, detail, hint, context and location survive.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "miscadmin.h"
}

#include <type_traits>
#include <utility>

namespace pg
{

/// Thrown by guarded(); the ErrorData is on PostgreSQL's errordata stack. A caught Error dooms the
/// (sub)transaction (B6): only the entry point may end it.
struct Error {
};

namespace detail
{

/// What errfinish() and the longjmp change and unwinding destructors rely on. The hold-off counters
/// are part of it (B5): errfinish() zeroes InterruptHoldoffCount, and a destructor that then
/// releases an LWLock would wrap it, leaving a session that can never be cancelled.
struct SavedErrorState {
    sigjmp_buf *exception_stack = PG_exception_stack;
    ErrorContextCallback *context_stack = error_context_stack;
    MemoryContext memory_context = CurrentMemoryContext;
    uint32 interrupt_holdoff = InterruptHoldoffCount;
    uint32 cancel_holdoff = QueryCancelHoldoffCount;

    void restore_stacks() const noexcept
    {
        PG_exception_stack = exception_stack;
        error_context_stack = context_stack;
    }

    void restore_all() const noexcept
    {
        restore_stacks();
        CurrentMemoryContext = memory_context;
        InterruptHoldoffCount = interrupt_holdoff;
        QueryCancelHoldoffCount = cancel_holdoff;
    }
};

static_assert(std::is_trivially_destructible_v<SavedErrorState>);

} // namespace detail

/// Runs body; a PostgreSQL error inside it becomes a thrown pg::Error. About 8 ns: per page or per
/// call, never per distance. The body's frame must be plain, its result trivially copyable.
template <class Body>
auto
guarded(Body &&body) -> decltype(body())
{
    using Result = decltype(body());
    static_assert(std::is_void_v<Result> || std::is_trivially_copyable_v<Result>,
                  "a guarded body returns plain data: a longjmp may leave it half made");

    const detail::SavedErrorState saved;
    sigjmp_buf here;
    if (sigsetjmp(here, 0) != 0) {
        saved.restore_all();
        throw Error{};
    }
    PG_exception_stack = &here;
    try {
        if constexpr (std::is_void_v<Result>) {
            body();
            saved.restore_stacks();
        } else {
            Result result = body();
            saved.restore_stacks();
            return result;
        }
    } catch (...) { // a C++ exception passes through, but must not leave `here` behind
        saved.restore_stacks();
        throw;
    }
}

} // namespace pg
