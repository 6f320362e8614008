// SPDX-License-Identifier: PostgreSQL
//
// Block numbers that were read from pages of an index, and may be damaged: PostgreSQL would call
// one beyond the end of a file damage of the file, and takes InvalidBlockNumber for a wish to
// extend it.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/block.h"
#include "utils/rel.h"
}

namespace vx::index
{

/// Raises INDEX_CORRUPTED unless the index has the block.
void check_index_block(Relation index, BlockNumber block);

/// The same for blocks of the table that tids of the index name. Its end is looked up only when one
/// lies beyond what is known of it.
class TableEnd
{
  public:
    void check(Relation index, Relation table, BlockNumber block);

  private:
    BlockNumber blocks_; // zeroed memory: not looked up yet
};

} // namespace vx::index
