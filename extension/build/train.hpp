// SPDX-License-Identifier: PostgreSQL
//
// k-means for the lists of an inverted file.
#pragma once

#include "build/build_api.hpp"
#include "build/interrupt.hpp"

#include <cstddef>

namespace vx::build
{

/// Fills request.centroids. Throws Interrupted, std::bad_alloc or another std::exception.
void train(VxTrainRequest &request, Interrupt &interrupt, bool polls_here);

/// What train() allocates at its peak, for VxBuildApi::train_memory.
std::size_t train_memory(std::size_t row_count, std::size_t dim, std::size_t list_count,
                         int threads) noexcept;

} // namespace vx::build
