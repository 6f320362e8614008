// SPDX-License-Identifier: PostgreSQL
//
// A carrier takes a finished edit and makes it happen: log it, change the pages, stamp them with
// the record's position, all in one critical section. Access methods never see this header.
#pragma once

#include "wal_hooks/page_delta.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace vx::wal
{

using Carrier = void (*)(Relation relation, const Edit &edit);

/// By the relation's persistence and vector.wal_mode, anew for every edit.
Carrier choose_carrier(Relation relation);

/// Relations without WAL (unlogged, temporary, created in this transaction at wal_level = minimal).
void apply_without_wal(Relation relation, const Edit &edit);

/// PostgreSQL's Generic WAL: needs no preloaded library, on the primary or on a standby.
void apply_with_generic_wal(Relation relation, const Edit &edit);

/// Records of our own resource manager. REQUIRES: resource_manager_registered().
void apply_with_custom_wal(Relation relation, const Edit &edit);

// ---- what carriers do alike, in a critical section

/// Applies the deltas to the pages themselves and marks them dirty.
void change_pages(const Edit &edit) noexcept;

/// Sets the pages' LSN to the end of their record.
void stamp_pages(const Edit &edit, XLogRecPtr position) noexcept;

} // namespace vx::wal
