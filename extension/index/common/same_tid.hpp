// SPDX-License-Identifier: PostgreSQL
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/itemptr.h"
}

namespace vx::index
{

/// ItemPointerEquals() for what may be no tid: the place of a row that vacuum took away, a query
/// that is no row of the table.
inline bool
is_same_tid(const ItemPointerData &a, const ItemPointerData &b) noexcept
{
    return ItemPointerGetBlockNumberNoCheck(&a) == ItemPointerGetBlockNumberNoCheck(&b) &&
           ItemPointerGetOffsetNumberNoCheck(&a) == ItemPointerGetOffsetNumberNoCheck(&b);
}

} // namespace vx::index
