// SPDX-License-Identifier: PostgreSQL
//
// vx_boundary_test.so: one SQL function per way in which an error can cross the boundary between
// C++ and PostgreSQL (extension/pg/README.md), and functions that show what it left behind. Driven
// by regress/sql/boundary.sql.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "access/relation.h"
#include "storage/bufmgr.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;
}

#include <stdexcept>

namespace
{

/// What unwinding left, as the destructors of a failing function saw it.
struct Unwound {
    bool context_restored;
    bool context_stack_restored;
    uint32 holdoff_in_destructor;
};

int live_objects = 0;
Unwound unwound = {};

/// Counts itself; nothing that fails may leave one alive.
class Counted
{
  public:
    Counted() noexcept { live_objects++; }

    ~Counted() { live_objects--; }

    Counted(const Counted &) = delete;
    Counted &operator=(const Counted &) = delete;
};

/// Records on destruction whether PostgreSQL's globals are as they were on construction.
class Witness
{
  public:
    Witness() noexcept : memory_context_(CurrentMemoryContext), context_stack_(error_context_stack)
    {
    }

    ~Witness()
    {
        unwound.context_restored = CurrentMemoryContext == memory_context_;
        unwound.context_stack_restored = error_context_stack == context_stack_;
        unwound.holdoff_in_destructor = InterruptHoldoffCount;
    }

    Witness(const Witness &) = delete;
    Witness &operator=(const Witness &) = delete;

  private:
    MemoryContext memory_context_;
    ErrorContextCallback *context_stack_;
};

/// A lock that its destructor releases, as handles do.
class HeldLwLock
{
  public:
    explicit HeldLwLock(LWLock *lock) : lock_(lock)
    {
        pg::guarded([&] { LWLockAcquire(lock_, LW_SHARED); });
    }

    ~HeldLwLock() { LWLockRelease(lock_); }

    HeldLwLock(const HeldLwLock &) = delete;
    HeldLwLock &operator=(const HeldLwLock &) = delete;

  private:
    LWLock *lock_;
};

/// Block 0 of a relation, pinned and locked exclusively.
class LockedPage
{
  public:
    explicit LockedPage(Oid relation)
    {
        relation_ = pg::guarded([&] { return relation_open(relation, AccessShareLock); });
        buffer_ = pg::guarded([&] { return ReadBuffer(relation_, 0); });
        pg::guarded([&] { LockBuffer(buffer_, BUFFER_LOCK_EXCLUSIVE); });
    }

    ~LockedPage()
    {
        UnlockReleaseBuffer(buffer_);
        relation_close(relation_, AccessShareLock);
    }

    LockedPage(const LockedPage &) = delete;
    LockedPage &operator=(const LockedPage &) = delete;

  private:
    Relation relation_;
    Buffer buffer_;
};

/// A PostgreSQL error with every field that a client can see.
[[noreturn]] void
raise_complete_error()
{
    ereport(ERROR,
            (errcode(ERRCODE_CHECK_VIOLATION), errmsg("a complete error"), errdetail("Its detail."),
             errhint("Its hint."), err_generic_string(PG_DIAG_CONSTRAINT_NAME, "its_constraint")));
    pg_unreachable();
}

void
name_context(void *)
{
    errcontext("inside the guarded body");
}

} // namespace

VX_FUNCTION(boundary_live_objects)
{
    PG_RETURN_INT32(live_objects);
}

VX_FUNCTION(boundary_holdoff)
{
    PG_RETURN_INT32(int32(InterruptHoldoffCount + QueryCancelHoldoffCount));
}

VX_FUNCTION(boundary_unwound)
{
    char text[128];
    snprintf(text, sizeof(text), "context %s, error context %s, holdoff %u",
             unwound.context_restored ? "restored" : "lost",
             unwound.context_stack_restored ? "restored" : "lost", unwound.holdoff_in_destructor);
    PG_RETURN_TEXT_P(cstring_to_text(text));
}

// ---- one function per rung of the ladder (rule B2) ----------------------------------------------

VX_FUNCTION(boundary_error)
{
    const Counted counted;
    const Witness witness;
    pg::guarded([] {
        ErrorContextCallback frame = {error_context_stack, name_context, nullptr};
        error_context_stack = &frame;
        MemoryContextSwitchTo(TopTransactionContext);
        raise_complete_error();
    });
    PG_RETURN_VOID();
}

/// From a plain frame: no guard, no C++ object, PostgreSQL's own way.
VX_FUNCTION(boundary_plain_error)
{
    raise_complete_error();
}

VX_FUNCTION(boundary_bad_alloc)
{
    const Counted counted;
    throw std::bad_alloc();
}

VX_FUNCTION(boundary_exception)
{
    const Counted counted;
    const char *what = pg::guarded([&] { return text_to_cstring(PG_GETARG_TEXT_PP(0)); });
    throw std::runtime_error(what);
}

VX_FUNCTION(boundary_unknown)
{
    const Counted counted;
    throw 42;
}

// ---- locks held while it happens (rule B5)
// -------------------------------------------------------

VX_FUNCTION(boundary_error_under_lwlock)
{
    const Counted counted;
    const HeldLwLock lock(AddinShmemInitLock);
    const Witness witness;
    pg::guarded([] { raise_complete_error(); });
    PG_RETURN_VOID();
}

VX_FUNCTION(boundary_error_under_content_lock)
{
    const Counted counted;
    const LockedPage page(PG_GETARG_OID(0));
    const Witness witness;
    pg::guarded([] { raise_complete_error(); });
    PG_RETURN_VOID();
}

/// A lock that no destructor releases: abort does, and must find the counters at 0.
VX_FUNCTION(boundary_error_leaving_lwlock)
{
    const Counted counted;
    pg::guarded([] {
        LWLockAcquire(AddinShmemInitLock, LW_SHARED);
        raise_complete_error();
    });
    PG_RETURN_VOID();
}

VX_FUNCTION(boundary_exception_leaving_lwlock)
{
    const Counted counted;
    pg::guarded([] { LWLockAcquire(AddinShmemInitLock, LW_SHARED); });
    throw std::runtime_error("thrown with a lock held");
}

// ---- guards within guards
// ------------------------------------------------------------------------

/// C++ calls PostgreSQL, which calls C++, which fails: two ladders, one error.
VX_FUNCTION(boundary_nested)
{
    const Counted counted;
    return pg::guarded([] { return DirectFunctionCall1(boundary_error, Datum(0)); });
}

/// An exception thrown inside a guarded body passes through, and the next error finds its way.
VX_FUNCTION(boundary_throw_in_guard)
{
    const Counted counted;
    try {
        pg::guarded([] { throw std::runtime_error("through the guard"); });
    } catch (const std::runtime_error &) {
        pg::guarded([] { raise_complete_error(); });
    }
    PG_RETURN_VOID();
}

/// A cancel or timeout that arrives inside a guarded body.
VX_FUNCTION(boundary_sleep)
{
    const Counted counted;
    return pg::guarded([&] { return DirectFunctionCall1(pg_sleep, PG_GETARG_DATUM(0)); });
}

// ---- memory (rules B9 and B10)
// -------------------------------------------------------------------

VX_FUNCTION(boundary_object_in_transaction)
{
    pg::make_in_context<Counted>(TopTransactionContext);
    PG_RETURN_INT32(live_objects);
}

namespace
{

struct FailsToConstruct {
    Counted member;

    FailsToConstruct() { throw std::runtime_error("constructor failed"); }
};

} // namespace

VX_FUNCTION(boundary_object_fails)
{
    pg::make_in_context<FailsToConstruct>(TopTransactionContext);
    PG_RETURN_VOID();
}

VX_FUNCTION(boundary_allocate)
{
    const Counted counted;
    pg::vector<char> bytes{pg::Allocator<char>(CurrentMemoryContext)};
    bytes.reserve(std::size_t(PG_GETARG_INT64(0)));
    PG_RETURN_INT64(int64(bytes.capacity()));
}

/// The allocator below the container: a vector refuses such counts itself, with length_error.
VX_FUNCTION(boundary_allocator)
{
    const Counted counted;
    pg::Allocator<int64> allocator(CurrentMemoryContext);
    int64 *p = allocator.allocate(std::size_t(PG_GETARG_INT64(0)));
    allocator.deallocate(p, 0);
    PG_RETURN_VOID();
}
