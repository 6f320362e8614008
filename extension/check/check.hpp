// SPDX-License-Identifier: PostgreSQL
//
// What the checks of all access methods share: the call, its result rows, pages as copies, and the
// table. README.md says what is sound beside writers, and why.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
}

namespace vx::check
{

struct TableRows; // table_rows.cpp
struct TidCheck;  // tid_check.cpp

/// One call of index_check().
struct Check {
    Relation index;
    Relation heap;
    bool heapallindexed;
    bool deep;
    Snapshot snapshot; // of the table's rows; taken before the index is read
    ReturnSetInfo *result;
    uint64 problems;
    BufferAccessStrategy strategy;
    TableRows *rows; // if deep
    TidCheck *tids;
};

constexpr int64 kNone = -1; // no block, no list

// ---- result (report.cpp)

/// One problem: one row. block, list: kNone for NULL.
void report(Check *check, int64 block, int64 list, const char *kind, const char *format, ...)
    pg_attribute_printf(5, 6);

// ---- pages (pages.cpp)

/// Errors that mean damage, so that a check goes on after them.
bool is_damage(int sqlstate);

/// Runs body(argument), which must be plain. False: it met damage, and one row tells about it.
bool attempt(Check *check, int64 block, const char *kind, void (*body)(void *argument),
             void *argument);

/// Copies the page under its share lock. Raises for a block that cannot be read.
void read_copy(Relation index, BufferAccessStrategy strategy, BlockNumber block, char *out);

/// The same, but tells about such a block and returns false.
bool copy_page(Check *check, BlockNumber block, char *out);

/// What is wrong with the header that all pages have, nullptr if nothing: versions, the special
/// space at content_end, pd_lower in bounds, zeroes between it and pd_upper.
const char *header_problem(const char *page, uint32 content_end);

/// A set of numbers below `size`.
struct NumberSet {
    uint64 size;
    uint64 *words;
};

NumberSet make_set(uint64 size);

inline bool
has(const NumberSet &set, uint64 number)
{
    return number < set.size && (set.words[number / 64] >> number % 64 & 1) != 0;
}

inline void
add(NumberSet *set, uint64 number)
{
    if (number < set->size)
        set->words[number / 64] |= uint64{1} << number % 64;
}

/// Notices that a walk along links goes round in a ring (Brent, "An improved Monte Carlo
/// factorization algorithm", BIT 20, 1980): memory of one link.
struct RingGuard {
    uint64 kept = ~uint64{0};
    uint64 steps = 0;
    uint64 limit = 1;

    /// True: this link was met before.
    bool closes(uint64 link)
    {
        if (link == kept)
            return true;
        if (++steps == limit) {
            kept = link;
            steps = 0;
            limit *= 2;
        }
        return false;
    }
};

// ---- rows of the table, for deep (table_rows.cpp)

TableRows *open_table_rows(const Check *check);
void close_table_rows(TableRows *rows);

/// A row that the snapshot sees: then neither vacuum nor anyone else changes its place in the table
/// or its entries in the index while we look.
struct TableRow {
    const Datum *values; // of the index's columns; nullptr: the index's predicate excludes the row
    const bool *isnull;
    MemoryContext scratch; // what is allocated in it is freed by the next fetch_row()
};

/// False: the snapshot sees no row there. Valid until the next call.
bool fetch_row(TableRows *rows, const ItemPointerData &tid, TableRow *out);

// ---- tids of the index against the table (tid_check.cpp)

/// A tid in the index that may lead nowhere: looked at again with its page locked, since vacuum may
/// just have removed it.
struct SuspectSet {
    uint64 *tids; // sorted by end_tid_check()
    uint32 count;
};

TidCheck *begin_tid_check(const Check *check);

constexpr int kListBits = 21; // that list numbers take

/// A live row of the index, in a list that existed when the check began.
void note_tid(Check *check, const ItemPointerData &tid, uint32 list);

/// After the whole index was read: every row of the table that belongs into the index is there, in
/// no more than `copies` lists, and once in each. can_index: whether the access method stores such
/// a value; of rows that it does not, nothing is said. Returns the tids that lead nowhere.
SuspectSet end_tid_check(Check *check, uint32 copies,
                         bool (*can_index)(void *argument, Datum value), void *argument);

bool is_suspect(const SuspectSet &suspects, const ItemPointerData &tid);

/// Whether no row of the table begins at that place. REQUIRES, for an answer that
/// is certain: the lock of the index page that has the tid is held.
bool leads_nowhere(const Check *check, const ItemPointerData &tid);

// ---- access methods

void check_ivfflat(Check *check);
void check_ivfrabitq(Check *check);

} // namespace vx::check
