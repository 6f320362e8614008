// SPDX-License-Identifier: PostgreSQL
//
// The change of one page as plain bytes: what an access method stages, what a WAL record carries
// and what redo applies are the same thing, so every carrier leaves the same page bytes behind.
//
// A delta is a sequence of fragments without padding:
//
//     +--------+--------+---------------+--------+--------+------ - -
//     | offset | length | length bytes  | offset | length | ...
//     +--------+--------+---------------+--------+--------+------ - -
//       uint16   uint16                   native byte order, as everything in PostgreSQL's WAL
//
// The first kFirstWritableByte bytes of a page (LSN, checksum, flags) belong to PostgreSQL and are
// never part of a fragment.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/buf.h"
#include "storage/bufpage.h"
}

namespace vx::wal
{

constexpr uint16 kFirstWritableByte = offsetof(PageHeaderData, pd_lower);
constexpr uint32 kFragmentHeaderBytes = 2 * sizeof(uint16);

/// The largest special space an access method may ask for.
constexpr uint16 kMaxSpecialBytes = 64;

/// One page of an edit, complete: enough for a carrier to log and to apply.
struct PageDelta {
    Buffer buffer;       // pinned and exclusively locked by whoever staged the edit
    bool initialise;     // start from an empty page; the old content does not matter
    uint16 special_size; // when initialise
    uint32 length;       // bytes of fragments
    const char *fragments;
};

/// Applies the delta to a page image: initialises it if asked, copies the fragments, and zeroes
/// what a lowered pd_lower gave back to the hole. Raises nothing, allocates nothing: it may run in
/// a critical section. Returns false, with the page half changed, if a fragment leaves the page or
/// the result is no valid page: impossible for a staged edit, corruption when the delta came from
/// WAL.
bool apply_page_delta(Page page, const PageDelta &delta) noexcept;

} // namespace vx::wal
