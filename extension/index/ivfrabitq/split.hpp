// SPDX-License-Identifier: PostgreSQL
//
// Splitting lists that have grown far beyond the others.
#pragma once

#include "index/ivfrabitq/meta.hpp"

extern "C" {
#include "access/genam.h"
#include "commands/vacuum.h"
}

namespace vx::ivfrabitq
{

/// Waits until no list is being split; lists that a split left frozen, because it failed or the
/// server crashed, take rows again. REQUIRES: no page is locked.
void wait_for_split(Relation index, const Meta &meta);

/// Lists that take no rows take them again. REQUIRES: nobody splits.
void thaw_lists(Relation index, const Meta &meta);

} // namespace vx::ivfrabitq
