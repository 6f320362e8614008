// SPDX-License-Identifier: PostgreSQL
//
// The entry points: every function whose address PostgreSQL gets (V1 functions, access-method and
// planner callbacks, hooks, transaction callbacks) is made by VX_FUNCTION or VX_CALLBACK (rule B1),
// so that no C++ exception ever leaves one (rule B2).
//
//   VX_FUNCTION(vector_dims)
//   {
//       Vector *a = PG_GETARG_VECTOR_P(0);
//       PG_RETURN_INT32(a->dim);
//   }
//
//   VX_CALLBACK(void, ivf_end_scan, (IndexScanDesc scan), (scan)) { ... }
#pragma once

#include "pg/guard.hpp"

#include <cstring>
#include <exception>
#include <new>

namespace pg
{

namespace detail
{

/// The exception that reached an entry point, copied into plain memory: the catch block must be
/// left, and every C++ object destroyed, before PostgreSQL longjmps away.
struct Report {
    enum class Kind { rethrow, out_of_memory, internal };

    Kind kind;
    char text[256]; // written only on failure: an entry point costs no more than its try block

    void set(Kind new_kind, const char *what) noexcept
    {
        kind = new_kind;
        std::strncpy(text, what, sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
    }
};

/// Raises the report as a PostgreSQL error. Zeroes the hold-off counters first, as errfinish() did
/// before guarded() restored them: a lock that abort will release itself must not leave them at 1.
[[noreturn]] void raise(const Report &report);

} // namespace detail

template <class Body>
auto
entry(Body &&body) -> decltype(body())
{
    detail::Report report;
    try {
        return body();
    } catch (const Error &) {
        report.set(detail::Report::Kind::rethrow, "");
    } catch (const std::bad_alloc &) {
        report.set(detail::Report::Kind::out_of_memory, "");
    } catch (const std::exception &e) {
        report.set(detail::Report::Kind::internal, e.what());
    } catch (...) {
        report.set(detail::Report::Kind::internal, "unknown C++ exception");
    }
    detail::raise(report);
}

} // namespace pg

/// Defines the SQL-callable function `name`; the body that follows sees `fcinfo`.
#define VX_FUNCTION(name)                                                                          \
    static Datum name##_body(FunctionCallInfo fcinfo);                                             \
    extern "C" {                                                                                   \
    PG_FUNCTION_INFO_V1(name);                                                                     \
    PGDLLEXPORT Datum name(FunctionCallInfo fcinfo)                                                \
    {                                                                                              \
        return pg::entry([&] { return name##_body(fcinfo); });                                     \
    }                                                                                              \
    }                                                                                              \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)

/// Defines the callback `name` with C linkage: VX_CALLBACK(bool, f, (int a, int b), (a, b)) { ... }
#define VX_CALLBACK(result, name, parameters, arguments)                                           \
    static result name##_body parameters;                                                          \
    extern "C" {                                                                                   \
    static result name parameters                                                                  \
    {                                                                                              \
        return pg::entry([&]() -> result { return name##_body arguments; });                       \
    }                                                                                              \
    }                                                                                              \
    static result name##_body parameters
