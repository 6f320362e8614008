// SPDX-License-Identifier: PostgreSQL
//
// How a row travels through the build's sort: (list int4, row bytea), where the bytea holds the
// heap tid and, from kSortedRowOffset on, the row's bytes as they go into the page.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/itemptr.h"
}

namespace vx::ivf
{

constexpr Size kSortedRowOffset = MAXALIGN(sizeof(ItemPointerData));

} // namespace vx::ivf
