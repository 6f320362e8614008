// SPDX-License-Identifier: PostgreSQL
//
// vector.wal_mode: which carrier takes the edits of relations that need WAL.
#pragma once

namespace vx::wal
{

/// Registers the resource manager where that is possible, and defines the setting. For _PG_init().
void initialise();

} // namespace vx::wal
