// SPDX-License-Identifier: PostgreSQL
//
// Every test of PG_VERSION_NUM in the project is in this header. PostgreSQL 15 is what is tested;
// 16 to 18 are what the code compiles for.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#if PG_VERSION_NUM < 150000
#error "PostgreSQL 15 or later is required"
#endif

extern "C" {
#include "nodes/nodeFuncs.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
}

namespace pg
{

namespace detail
{

/// Through void (*)(), which the compiler takes as "any function".
template <class To, class From>
To
untyped(From function)
{
    return reinterpret_cast<To>(reinterpret_cast<void (*)()>(function));
}

} // namespace detail

// Walkers and mutators: 15 declares them with an empty parameter list, 16 wraps them in macros.
template <class Context>
bool
walk_expression(Node *node, bool (*walker)(Node *, Context *), Context *context)
{
    void *opaque = const_cast<void *>(static_cast<const void *>(context));
#if PG_VERSION_NUM >= 160000
    return expression_tree_walker(node, walker, opaque);
#else
    return expression_tree_walker(node, detail::untyped<bool (*)()>(walker), opaque);
#endif
}

template <class Context>
bool
walk_query(Query *query, bool (*walker)(Node *, Context *), Context *context, int flags)
{
#if PG_VERSION_NUM >= 160000
    return query_tree_walker(query, walker, context, flags);
#else
    return query_tree_walker(query, detail::untyped<bool (*)()>(walker), context, flags);
#endif
}

template <class Context>
Node *
mutate_expression(Node *node, Node *(*mutator)(Node *, Context *), Context *context)
{
    void *opaque = const_cast<void *>(static_cast<const void *>(context));
#if PG_VERSION_NUM >= 160000
    return expression_tree_mutator(node, mutator, opaque);
#else
    return expression_tree_mutator(node, detail::untyped<Node *(*)()>(mutator), opaque);
#endif
}

/// A wait event set in CurrentMemoryContext that no resource owner knows: free it yourself.
inline WaitEventSet *
create_wait_event_set(int events)
{
#if PG_VERSION_NUM >= 170000
    return CreateWaitEventSet(nullptr, events);
#else
    return CreateWaitEventSet(CurrentMemoryContext, events);
#endif
}

/// All GUC variables; not to be changed or freed.
inline struct config_generic **
guc_variables(int *count)
{
#if PG_VERSION_NUM >= 160000
    return get_guc_variables(count);
#else
    *count = GetNumConfigOptions();
    return get_guc_variables();
#endif
}

} // namespace pg
