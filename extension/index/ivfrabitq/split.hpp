// SPDX-License-Identifier: PostgreSQL
//
// Splitting lists that have grown far beyond the others.
#pragma once

#include "index/ivfrabitq/meta.hpp"

extern "C" {
#include "access/genam.h"
#include "commands/vacuum.h"
}

namespace vx::ivfrabitq
{

/// Splits the lists that have many times more rows than others, as the directory counts them.
void split_lists(IndexVacuumInfo *info);

// ---- the steps of it; the page lock of block 0 (split.cpp) is held

/// The list takes no rows any more: it is marked as frozen, then its free chain is taken apart.
void freeze_list(Relation index, const Meta &meta, uint32 list);

/// The tids of a frozen list's rows. Memory: CurrentMemoryContext.
struct ListRows {
    ItemPointerData *tids;
    uint32 count;
    uint32 capacity;
};

ListRows collect_rows(Relation index, const Meta &meta, uint32 list);

/// Means of `parts` clusters of count x padded floats, into centroids (parts x padded). Returns how
/// many there are: 1 if the rows cannot be told apart.
uint32 cluster_rows(const float *rows, uint32 count, uint32 padded, uint32 parts, float *centroids);

/// The nearest of `parts` centres.
uint32 nearest_part(const float *row, const float *centres, uint32 parts, uint32 padded);

/// A list that a split makes.
struct NewList {
    uint32 place;
    int8 *codes; // padded
    float scale;
    float norm2;
};

/// Chooses places for `wanted` lists beside `list`: vacant ones of its directory page, then new
/// ones. Returns how many there are.
uint32 choose_places(Relation index, const Meta &meta, uint32 list, uint32 wanted, NewList *out);

/// Writes centre and entry of the list, which nobody sees yet.
void write_new_list(Relation index, const Meta &meta, const NewList &list);

/// The new lists come to life and the old one dies, in one edit.
void publish_lists(Relation index, const Meta &meta, uint32 old_list, const NewList *lists,
                   uint32 count);

/// Waits until no list is being split; lists that a split left frozen, because it failed or the
/// server crashed, take rows again. REQUIRES: no page is locked.
void wait_for_split(Relation index, const Meta &meta);

/// Lists that take no rows take them again. REQUIRES: nobody splits.
void thaw_lists(Relation index, const Meta &meta);

} // namespace vx::ivfrabitq
