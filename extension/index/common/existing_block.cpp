// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/existing_block.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

namespace vx::index
{

void
check_index_block(Relation index, BlockNumber block)
{
    if (block >= RelationGetNumberOfBlocks(index))
        ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                        errmsg("index \"%s\" is corrupted: it has no block %u",
                               RelationGetRelationName(index), block),
                        errhint("Please REINDEX it.")));
}

void
TableEnd::check(Relation index, Relation table, BlockNumber block)
{
    if (likely(block < blocks_))
        return;
    blocks_ = RelationGetNumberOfBlocks(table); // the table may have grown
    if (block >= blocks_)
        ereport(
            ERROR,
            (errcode(ERRCODE_INDEX_CORRUPTED),
             errmsg("index \"%s\" is corrupted: a row leads to block %u, table \"%s\" has %u",
                    RelationGetRelationName(index), block, RelationGetRelationName(table), blocks_),
             errhint("Please REINDEX it.")));
}

} // namespace vx::index
