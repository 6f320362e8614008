// SPDX-License-Identifier: PostgreSQL
//
// k-means on int8 codes: VxTrainRequest::approximate.
#pragma once

#include "build/build_api.hpp"
#include "build/interrupt.hpp"

#include <cstddef>

namespace vx::build
{

/// As train(), for L2 and at least as many rows as lists.
void train_codes(VxTrainRequest &request, Interrupt &interrupt, bool polls_here);

std::size_t train_codes_memory(std::size_t row_count, std::size_t dim, std::size_t list_count,
                               int threads, int approximate) noexcept;

} // namespace vx::build
