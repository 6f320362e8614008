// SPDX-License-Identifier: PostgreSQL
//
// Numbers that a build chooses from the data.
#pragma once

#include "index/ivfrabitq/build_state.hpp"

namespace vx::ivfrabitq
{

/// The length that residuals are scaled to, so that half precision holds their factors.
constexpr float kResidualLength = 8.0f;

/// How many lists a table of so many rows is worth.
uint32 auto_lists(double rows, uint32 padded);

/// The power of two that brings rows of that mean squared length to kResidualLength; 1 for zero.
float scale_for(double mean_square);

/// Multiplies mean, samples and centroids (if there are any yet), and the index's scale.
void scale_by(BuildState *build, float factor);

} // namespace vx::ivfrabitq
