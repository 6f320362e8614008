// SPDX-License-Identifier: PostgreSQL
//
// vector_build.so as an index build sees it: loaded on first use, its statuses turned into
// PostgreSQL errors. Call from plain frames.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "build/build_api.hpp"

namespace vx
{

/// Trains request->centroids. The caller fills the request but for interrupted and wants_stop.
/// Raises: cancellation and termination of the statement; 53200 out of memory; XX000 otherwise.
void build_train(VxTrainRequest *request);

/// Finds request->lists; errors as for build_train. Give it a few thousand rows or more at a time:
/// with several threads a call costs about a tenth of a millisecond, and it packs the centroids.
void build_assign(VxAssignRequest *request);

/// Bytes that build_train will allocate beside the caller's buffers.
Size build_train_memory(int64 row_count, int dim, int list_count, int threads,
                        bool approximate = false);

} // namespace vx
