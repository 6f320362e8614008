// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "bench/ann/offline_index.hpp"

namespace bench
{

/// Chooses rotation, number of lists, mean and scale of the index, and returns the centroids as the
/// rows are prepared: list_count x padded. Throws std::runtime_error.
std::vector<float> train_offline(OfflineIndex *index, const BuildOptions &options);

} // namespace bench
