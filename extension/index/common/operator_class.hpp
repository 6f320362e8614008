// SPDX-License-Identifier: PostgreSQL
//
// What an index's operator class means to us: the metric and which kernel computes it.
//
// The metric is recognised by support function 1, compared by address: an index never calls a
// distance through fmgr, so a class with a foreign distance function must be refused, not
// approximated. Numbers of the support functions are pgvector's.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "utils/rel.h"
}

#include "kernel/distance.hpp"

namespace vx::index
{

constexpr int kDistanceProc = 1;
constexpr int kNormProc = 2;          // the index stores rows scaled to length 1
constexpr int kTrainDistanceProc = 3; // named by the class, not called: training knows the metric
constexpr int kTrainNormProc = 4;     // training needs rows scaled to length 1
constexpr int kTypeInfoProc = 5;      // types other than vector
constexpr int kSupportProcCount = 5;

/// On disk (metapage): never renumber.
enum class Metric : uint16 { l2 = 1, inner_product = 2, cosine = 3 };

/// On disk (metapage): never renumber.
enum class ElementKind : uint16 { float32 = 1 };

struct OperatorClass {
    Metric metric;
    ElementKind element;
    const char *type_name;
    bool normalize_rows;     // cosine: stored rows and queries are scaled to length 1
    bool normalize_training; // inner product, cosine: spherical k-means
};

/// The class of the index's one column. Raises FEATURE_NOT_SUPPORTED for one that is not ours.
OperatorClass get_operator_class(Relation index);

/// The dimensions that the type of the index's first column says. Raises if it says none, or more
/// than the access method can keep.
uint32 column_dimensions(Relation index, uint32 most, const char *access_method);

/// Whether the indexed column has so many, as far as it is declared.
bool has_dimensions(Relation index, uint32 dimensions);

/// Smaller is nearer for every metric: the inner product comes negated.
using BatchDistance = void (*)(const float *query, const float *rows, std::size_t stride,
                               std::size_t count, std::size_t n, float *out) noexcept;

/// The kernel of the metric. inner_product and cosine (rows and query of length 1) give the inner
/// product itself; negate_if_similarity() turns it into a distance.
BatchDistance batch_distance(Metric metric);

inline bool
is_similarity(Metric metric)
{
    return metric != Metric::l2;
}

/// Writes source scaled to length 1 to out (may be the same). Returns false, with out zeroed, for a
/// vector of length 0: it has no direction.
bool normalize(const float *source, int32 dimensions, float *out) noexcept;

} // namespace vx::index
