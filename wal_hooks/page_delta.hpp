// SPDX-License-Identifier: PostgreSQL
//
// One page of an edit and its delta (codec/delta.hpp): what carriers get, and what redo of our own
// records runs. Whoever applies a delta, the page bytes are the same.
//
// The first kFirstWritableByte bytes of a page (LSN, checksum, flags) belong to PostgreSQL and are
// never part of a step.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/buf.h"
#include "storage/bufpage.h"
}

#include "wal_hooks/codec/delta.hpp"
#include "wal_hooks/row.hpp"

namespace vx::wal
{

constexpr uint16 kFirstWritableByte = offsetof(PageHeaderData, pd_lower);

/// The largest special space an access method may ask for.
constexpr uint16 kMaxSpecialBytes = 64;

constexpr PageBounds kPageBounds = {kFirstWritableByte, BLCKSZ, kMaxSpecialBytes};

static_assert(BLCKSZ <= kMaxPageSize);

/// One page of an edit, complete: enough for a carrier to log and to apply.
struct PageDelta {
    Buffer buffer;   // pinned and exclusively locked by whoever staged the edit
    bool initialise; // the first step; the old content does not matter
    uint32 length;
    const char *delta;
};

/// A finished edit: what a carrier gets.
struct Edit {
    const PageDelta *pages;
    int count;
    const Row *row; // not nullptr: the two deltas are this row, the scan page's first
};

/// The header describes a page: content, hole, special space.
bool has_valid_header(Page page) noexcept;

/// Applies a delta to a page image and zeroes what a lowered pd_lower gave back to the hole. Raises
/// nothing, allocates nothing: it may run in a critical section. Returns false, with the page half
/// changed, if the delta is malformed or the result is no valid page: impossible for a staged edit,
/// corruption when the delta came from WAL.
bool apply_page_delta(Page page, const void *delta, Size length) noexcept;

} // namespace vx::wal
