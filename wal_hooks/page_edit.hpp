// SPDX-License-Identifier: PostgreSQL
//
// PageEdit: the one way access methods change pages of an index that others can see.
//
// An edit is an atomic change of up to kMaxPagesPerEdit pages. It is staged first, as the steps of
// a delta (codec/delta.hpp), and applied at once: after apply() all pages are changed and logged,
// before it none is. How it is logged is the carrier's matter; the access method cannot tell, and
// the page bytes are the same with every carrier.
//
//     wal::PageEdit edit(index);
//     auto page = edit.add(buffer);              // pinned, exclusively locked
//     edit.write(page, offset, &value, sizeof(value));
//     edit.apply();
//     UnlockReleaseBuffer(buffer);               // the caller's lock, the caller's unlock
//
// Plain frames only: staging allocates (in CurrentMemoryContext) and may raise, apply() too. An
// edit that is not applied changed nothing; there is no abort to call.
#pragma once

#include "wal_hooks/page_delta.hpp"
#include "wal_hooks/row.hpp"

extern "C" {
#include "storage/buf.h"
#include "utils/rel.h"
}

#include <type_traits>

namespace vx::wal
{

constexpr int kMaxPagesPerEdit = 4;

class PageEdit
{
  public:
    /// A page of this edit, by the order of add().
    enum class Handle : int {};

    explicit PageEdit(Relation relation) : relation_(relation) {}

    /// Takes the page into the edit. REQUIRES: pinned and exclusively locked until after apply(),
    /// added once. The caller keeps pin and lock, and releases both.
    Handle add(Buffer buffer);

    /// The page starts empty, with a special space of that size (zeroed; write() fills it). Must be
    /// the first operation on the page. The old content is not read.
    void initialise(Handle page, uint16 special_size);

    /// Places bytes, anywhere after the page header. What lies between pd_lower and pd_upper after
    /// the edit must not be written.
    void write(Handle page, uint16 offset, const void *bytes, uint16 length);

    /// Sets pd_lower; lowering it zeroes the bytes given up. REQUIRES: not above pd_upper.
    void set_lower(Handle page, uint16 lower);

    /// Puts a row of an `ivfrabitq` index into its two pages. An edit of nothing else, with the
    /// scan page first, is logged as a record of its own where the carrier has one (row.hpp).
    /// REQUIRES: what the row points to stays until apply(); once in an edit.
    void store_row(Handle scan_page, Handle fine_page, const Row &row);

    /// Logs the edit (if the relation needs WAL) and changes the pages. The edit is spent.
    void apply();

  private:
    struct Staged {
        Buffer buffer;
        bool initialise;
        uint16 upper; // pd_upper after the edit: no step changes it
        uint32 length;
        uint32 capacity;
        char *delta;
    };

    Staged &staged(Handle page);
    void stage(Staged *page, const Step &step);
    void stage_other(Handle page, const Step &step);

    Relation relation_;
    int count_ = 0;
    bool has_row_ = false;
    bool has_other_ = false; // steps that are not of the row
    Row row_;
    Staged pages_[kMaxPagesPerEdit];
};

static_assert(std::is_trivially_destructible_v<PageEdit>, "an error may jump over it");

} // namespace vx::wal
