// SPDX-License-Identifier: PostgreSQL
//
// Our WAL resource manager, as PostgreSQL knows it.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "access/xlogreader.h"
#include "lib/stringinfo.h"
}

namespace vx::wal
{

/// At start-up of the server, from shared_preload_libraries: registers the resource manager. Raises
/// if another library has its number. Does nothing in a library that is loaded later.
void register_resource_manager();

/// Whether this server can replay our records: only then may it write them.
bool resource_manager_registered() noexcept;

/// Whether the record is one of ours. Also where the resource manager is not registered, unless
/// another library's is; describe() and identify() do not need it either.
bool is_own_record(XLogReaderState *record) noexcept;

// ---- what it consists of

void redo(XLogReaderState *record);
void describe(StringInfo out, XLogReaderState *record);
const char *identify(uint8 info);

} // namespace vx::wal
