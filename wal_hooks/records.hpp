// SPDX-License-Identifier: PostgreSQL
//
// The records of our resource manager, in one table: enum, names, limits and dispatch are made from
// it. README.md has the pictures.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "access/xlogreader.h"
#include "lib/stringinfo.h"
}

#include "wal_hooks/page_edit.hpp"

namespace vx::wal
{

/// Custom resource managers have 128 .. 255. wiki.postgresql.org/wiki/CustomWALResourceManagers
/// lists the ones in use: 128 (experiments), 129 to 140, 241.
constexpr RmgrId kResourceManagerId = VECTOR_WAL_RMGR_ID;

static_assert(kResourceManagerId >= RM_MIN_CUSTOM_ID && kResourceManagerId <= RM_MAX_CUSTOM_ID);

/// X(name, code in xl_info: never renumber, name for people, fewest pages, most pages, most bytes
/// of main data). Each has a redo_NAME() and a describe_NAME().
#define VX_WAL_RECORDS(X)                                                                          \
    X(edit, 0x00, "EDIT", 1, kMaxPagesPerEdit, 0)                                                  \
    X(row, 0x10, "ROW", 2, 2, kMaxRowBytes)

enum class Record : uint8 {
#define VX_RECORD(name, code, text, min_pages, max_pages, main_bytes) name = code,
    VX_WAL_RECORDS(VX_RECORD)
#undef VX_RECORD
};

struct RecordType {
    Record record;
    const char *name;
    int min_pages;
    int max_pages;
    Size max_main_bytes;
    void (*redo)(XLogReaderState *record);
    void (*describe)(StringInfo out, XLogReaderState *record);
};

/// nullptr: no record of ours has that xl_info.
const RecordType *find_record_type(uint8 info) noexcept;

#define VX_RECORD(name, code, text, min_pages, max_pages, main_bytes)                              \
    void redo_##name(XLogReaderState *record);                                                     \
    void describe_##name(StringInfo out, XLogReaderState *record);
VX_WAL_RECORDS(VX_RECORD)
#undef VX_RECORD

/// What one block reference of an edit brings. Checked by nobody yet.
struct BlockDelta {
    bool will_init;
    bool image; // a full-page image that redo restores; no delta
    const char *delta;
    Size length;
};

BlockDelta block_delta(XLogReaderState *record, uint8 block) noexcept;

} // namespace vx::wal
