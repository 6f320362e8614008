// SPDX-License-Identifier: PostgreSQL
//
// BulkWriter: writes a new index. Nobody else can see the relation yet, so pages are made in local
// memory and appended in block order, past shared buffers, in batches: one WAL record and one run
// of extensions for up to kBatchPages pages. finish() syncs the file, because what does not go
// through shared buffers is not covered by a checkpoint.
//
//     wal::BulkWriter *writer = wal::bulk_begin(index, MAIN_FORKNUM);
//     Page page = wal::bulk_next_page(writer);   // block 0; zeroed; fill it before the next call
//     ...
//     wal::bulk_finish(writer);
//
// WAL is written if the relation needs it, and always for the init fork of an unlogged index: that
// fork must exist after a crash. Plain frames only.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "common/relpath.h"
#include "storage/bufpage.h"
#include "utils/rel.h"
}

namespace vx::wal
{

constexpr int kBatchPages = 32;

struct BulkWriter;

/// REQUIRES: an empty fork that only this backend can see. Allocates in CurrentMemoryContext.
BulkWriter *bulk_begin(Relation relation, ForkNumber fork);

/// A second writer, for pages from block `first` on, while another writes those before: a file of
/// two parts is made in one pass. Blocks that neither has written yet read as zeroes.
BulkWriter *bulk_begin_at(Relation relation, ForkNumber fork, BlockNumber first);

/// The block that the next bulk_next_page() will make.
BlockNumber bulk_next_block(const BulkWriter *writer);

/// Appends a page and returns its image, zeroed. The image stays with the writer; it must be a
/// complete page (PageInit or zeroes) when the next function of the writer is called.
Page bulk_next_page(BulkWriter *writer);

/// Writes what is left, makes it durable, frees the writer.
void bulk_finish(BulkWriter *writer);

} // namespace vx::wal
