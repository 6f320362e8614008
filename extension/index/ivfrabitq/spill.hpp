// SPDX-License-Identifier: PostgreSQL
//
// Rows that are kept in a second list too. Which one: SOAR (Sun, Simcha, Dopson, Guo, Kumar, "SOAR:
// improved indexing for approximate nearest neighbor search", NeurIPS 2023, section 3.3, lambda =
// 1): of the nearest lists the one that minimises |r2|^2 + <r2, r1 / |r1|>^2, so that queries for
// which the first list looks far find the second near. Which rows: those where that is smallest
// against |r1|^2, a share of all that the user chose.
#pragma once

#include "index/ivfrabitq/meta.hpp"

namespace vx::ivfrabitq
{

/// Lists that are looked at, the first among them.
constexpr uint32 kSpillCandidates = 8;

struct SpillChoice {
    int32 list;  // -1: there is only one list
    float ratio; // its loss / |r1|^2
};

/// The centre of a list: its codes (padded) and their scale.
using ReadCentre = void (*)(const void *argument, int32 list, int8 *codes, float *scale);

/// Buffers for choose_second(). Memory: CurrentMemoryContext.
struct SpillChooser {
    uint32 padded;
    ReadCentre read_centre;
    const void *argument;
    int8 *codes;
    float *centre;
    float *first_residual;
};

void make_spill_chooser(uint32 padded, ReadCentre read_centre, const void *argument,
                        SpillChooser *out);

/// The best second list of a row. lists: its kSpillCandidates nearest, nearest first, -1 where
/// there are fewer. A row goes there if the ratio is below the metapage's spill_ratio.
SpillChoice choose_second(SpillChooser *chooser, const float *row, const int32 *lists);

} // namespace vx::ivfrabitq
