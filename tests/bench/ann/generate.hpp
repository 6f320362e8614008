// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "bench/ann/dataset.hpp"

namespace bench
{

/// The set "hard": equal arguments give equal sets. Rows and queries are drawn alike.
Dataset generate_hard(std::size_t rows, std::size_t queries, std::size_t dim);

} // namespace bench
