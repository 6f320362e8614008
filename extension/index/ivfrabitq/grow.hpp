// SPDX-License-Identifier: PostgreSQL
//
// A list without a free slot grows by the row that needs one.
#pragma once

#include "index/ivfrabitq/lists.hpp"

namespace vx::ivfrabitq
{

/// REQUIRES: the list's directory page is exclusively locked, its free chain is empty.
void grow_list(Relation index, const Meta &meta, Buffer directory, uint32 list, RowCode *row);

} // namespace vx::ivfrabitq
