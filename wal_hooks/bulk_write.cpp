// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/bulk_write.hpp"

extern "C" {
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/smgr.h"
}

#include "pg/compat.hpp"
#include "wal_hooks/fault.hpp"

namespace vx::wal
{

struct BulkWriter {
    Relation relation;
    ForkNumber fork;
    bool logged;
    BlockNumber first; // block of pages[0]
    int count;
    char *memory; // kBatchPages page images, aligned for direct I/O
    Page pages[kBatchPages];
    BlockNumber blocks[kBatchPages];
};

BulkWriter *
bulk_begin(Relation relation, ForkNumber fork)
{
    if (smgrnblocks(RelationGetSmgr(relation), fork) != 0)
        elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(relation));
    return bulk_begin_at(relation, fork, 0);
}

BulkWriter *
bulk_begin_at(Relation relation, ForkNumber fork, BlockNumber first)
{
    auto *writer = static_cast<BulkWriter *>(palloc0(sizeof(BulkWriter)));
    writer->relation = relation;
    writer->first = first;
    writer->fork = fork;
    writer->logged = fork == INIT_FORKNUM || RelationNeedsWAL(relation);
    writer->memory = static_cast<char *>(palloc((kBatchPages + 1) * BLCKSZ));
    char *aligned = reinterpret_cast<char *>(TYPEALIGN(pg::kIoAlignment, writer->memory));
    for (int i = 0; i < kBatchPages; i++)
        writer->pages[i] = aligned + static_cast<Size>(i) * BLCKSZ;
    return writer;
}

static void
flush(BulkWriter *writer)
{
    if (writer->count == 0)
        return;
    for (int i = 0; i < writer->count; i++)
        writer->blocks[i] = writer->first + i;

    if (writer->logged)
        log_newpages(pg::relation_locator(writer->relation), writer->fork, writer->count,
                     writer->blocks, writer->pages, true);
    VX_FAULT(bulk_batch_logged);
    SMgrRelation file = RelationGetSmgr(writer->relation);
    const BlockNumber end = smgrnblocks(file, writer->fork); // the other writer may be beyond us
    for (int i = 0; i < writer->count; i++) {
        const BlockNumber block = writer->blocks[i];
        PageSetChecksumInplace(writer->pages[i], block);
        // no fsync request per page: bulk_finish() syncs the whole fork
        if (block < end)
            smgrwrite(file, writer->fork, block, writer->pages[i], true);
        else
            smgrextend(file, writer->fork, block, writer->pages[i], true);
        VX_FAULT(bulk_page_written);
    }
    VX_FAULT(bulk_batch_written);
    writer->first += writer->count;
    writer->count = 0;
}

BlockNumber
bulk_next_block(const BulkWriter *writer)
{
    return writer->first + writer->count;
}

Page
bulk_next_page(BulkWriter *writer)
{
    if (writer->count == kBatchPages) {
        CHECK_FOR_INTERRUPTS();
        flush(writer);
    }
    Page page = writer->pages[writer->count++];
    memset(page, 0, BLCKSZ);
    return page;
}

void
bulk_finish(BulkWriter *writer)
{
    flush(writer);
    // Even logged pages need it: a checkpoint may have moved the redo pointer past our records
    // without having seen these writes. Unlogged pages must survive a clean shutdown, whose
    // checkpoint has not seen them either. Temporary relations need nothing, and a relation that
    // skips WAL because this transaction created it is synced by PostgreSQL at commit.
    if (writer->logged || writer->relation->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
        smgrimmedsync(RelationGetSmgr(writer->relation), writer->fork);
    VX_FAULT(bulk_synced);
    pfree(writer->memory);
    pfree(writer);
}

} // namespace vx::wal
