// SPDX-License-Identifier: PostgreSQL
//
// The WAL of a range, record by record: those that changed indexes of ours. Read from the server's
// WAL files, on a standby too; no lock, no table is read but catalogs.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "access/xlogreader.h"
}

#include "pg/compat.hpp"

namespace vx::check
{

struct WalRange; // wal_range.cpp

/// Opens the records that begin at or after start and end at or before end. Raises for a range that
/// is none or reaches into the future. end: InvalidXLogRecPtr for all that is written. Everything
/// belongs to a memory context of its own, a child of CurrentMemoryContext.
WalRange *open_wal_range(XLogRecPtr start, XLogRecPtr end);

/// The next record, of whatever kind; nullptr at the end. Raises for WAL that is not there any more
/// or cannot be read.
XLogReaderState *next_wal_record(WalRange *range);

void close_wal_range(WalRange *range);

/// A record that changed an index of ours.
struct IndexRecord {
    XLogReaderState *reader;
    pg::RecordBlock file; // and its first block
    Oid index;            // InvalidOid: there is no such file any more
    const char *manager;
    const char *type;
    uint32 bytes;
    uint32 images;
    uint32 image_bytes;
};

/// Whether the record changed an index of this database: one of our own kind did, one of
/// PostgreSQL's (Generic WAL, page images) if the file is an index of ours now.
bool find_index_record(XLogReaderState *reader, IndexRecord *record);

} // namespace vx::check
