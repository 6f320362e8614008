// SPDX-License-Identifier: PostgreSQL
//
// The metapage: reading, checking, caching. Nothing in it changes after the build, so a backend
// reads it once per relation cache entry.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/buf.h"
#include "utils/rel.h"
}

#include "index/common/operator_class.hpp"
#include "index/ivf/page.hpp"

namespace vx::ivf
{

struct Meta {
    page::MetaPage page;

    index::Metric metric() const { return static_cast<index::Metric>(page.metric); }

    page::RowLayout rows() const { return {page.row_bytes, page.row_capacity, page.rows_offset}; }
};

/// What a new index of this shape looks like.
page::MetaPage plan_meta(const index::OperatorClass &operator_class, uint32 dimensions,
                         uint32 lists);

/// Checked copy of the metapage. Raises, with a hint to REINDEX, for every other format.
Meta get_meta(Relation index);

/// Forgets the cached copy: the relation is about to be built anew.
void forget_meta(Relation index);

/// ReadBuffer() for scans: tries the buffer where this backend saw the page last. REQUIRES:
/// get_meta() was called. The caller releases the pin.
Buffer read_page(Relation index, BlockNumber block);

/// Raises INDEX_CORRUPTED naming index and block.
[[noreturn]] void report_corrupted(Relation index, BlockNumber block, const char *what);

} // namespace vx::ivf
