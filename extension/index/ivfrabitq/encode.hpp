// SPDX-License-Identifier: PostgreSQL
//
// From a column value to what the index stores: shared by build, insert, split and search.
//
//     value -> [length 1 for cosine] -> rotate, scale -> minus mean -> lists -> codes
#pragma once

#include "index/ivfrabitq/row_code.hpp"

namespace vx::ivfrabitq
{

/// What does not change from row to row. Memory: CurrentMemoryContext of make_encoder().
struct Encoder {
    const Meta *meta;
    const float *mean;
    uint64 *signs;
    float *row;    // dimensions: the value's floats
    float *centre; // padded
};

/// `mean` must stay where it is as long as the encoder is used.
void make_encoder(const Meta *meta, const float *mean, Encoder *out);

/// Writes the rotated, scaled, shifted row to out (padded floats). False: the value cannot be
/// indexed (cosine of a zero vector; an element that is not finite after scaling). Raises for other
/// dimensions than the index's.
bool prepare_row(Encoder *encoder, Datum value, float *out);

/// Everything of `out` but tid and filter values. The list's centre is scale * codes.
void encode_row(Encoder *encoder, const float *row, const int8 *codes, float scale, RowCode *out);

} // namespace vx::ivfrabitq
