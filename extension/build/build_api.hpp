// SPDX-License-Identifier: PostgreSQL
//
// What vector.so asks of vector_build.so: plain C structures, because the two meet through dlopen.
//
// vector_build.so is loaded by the one backend that builds an index, with all signals blocked: its
// libraries start threads (OpenMP, BLAS), and a signal meant for PostgreSQL must never be handled
// on one of them. No function here calls PostgreSQL, none throws.
//
// Long calls look at *interrupted (PostgreSQL's InterruptPending) every few milliseconds. When it
// is set they ask wants_stop(), on the thread that called them, whether that means them: not every
// interrupt ends a statement. Without wants_stop they stop at once. A call that stopped returns
// VX_BUILD_INTERRUPTED and leaves its output undefined.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

enum VxBuildStatus {
    VX_BUILD_OK = 0,
    VX_BUILD_INTERRUPTED = 1,
    VX_BUILD_OUT_OF_MEMORY = 2,
    VX_BUILD_FAILED = 3, // error[] says why
};

enum VxBuildMetric {
    VX_BUILD_L2 = 0,
    VX_BUILD_INNER_PRODUCT = 1, // rows and centroids of length 1: spherical k-means
};

enum VxBuildApproximation {
    VX_BUILD_FLOATS = 0,
    VX_BUILD_CODES = 1, // over int8 codes, several times as fast; VX_BUILD_L2 only
    VX_BUILD_CODES_FROM_TREE =
        2, // the same, in the way that VX_BUILD_CODES goes for very many lists
};

struct VxTrainRequest {
    const float *rows; // row_count x dim, row-major
    int64_t row_count;
    int32_t dim;
    int32_t list_count; // 1 <= list_count; may exceed row_count (the surplus is filled, see README)
    VxBuildMetric metric;
    int32_t iterations;  // with many rows: over a part of them, then a few over all (README)
    uint64_t seed;       // equal input and seed give equal centroids
    int32_t approximate; // a VxBuildApproximation
    int32_t threads;
    const volatile int *interrupted; // may be null: cannot be interrupted
    int (*wants_stop)(void);         // may be null; must neither throw nor longjmp

    float *centroids; // out: list_count x dim
    char error[256];  // out, when VX_BUILD_FAILED
};

struct VxAssignRequest {
    const float *rows; // row_count x dim
    int64_t row_count;
    int32_t dim;
    const float *centroids; // list_count x dim
    int32_t list_count;
    VxBuildMetric metric;
    int32_t threads;
    const volatile int *interrupted; // as above
    int (*wants_stop)(void);

    int32_t *lists; // out: row_count, the nearest centroid of each row
    char error[256];
};

constexpr uint32_t kVxBuildApiVersion = 2;

struct VxBuildApi {
    uint32_t version; // kVxBuildApiVersion
    VxBuildStatus (*train)(VxTrainRequest *request);
    VxBuildStatus (*assign)(VxAssignRequest *request);
    /// Bytes that train() allocates at its peak beside the caller's buffers, for the memory budget.
    size_t (*train_memory)(int64_t row_count, int32_t dim, int32_t list_count, int32_t threads,
                           int32_t approximate);
};

/// The library's one exported symbol besides the module magic.
typedef const VxBuildApi *(*VxBuildApiFunction)(void);
} // extern "C"
