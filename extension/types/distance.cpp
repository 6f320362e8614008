// SPDX-License-Identifier: PostgreSQL
//
// Distances in SQL. The sums are the kernels' (float32); what is done to the sum afterwards is done
// in float64, as pgvector does.
#include "pg/postgres.hpp"

#include "kernel/distance.hpp"

#include "pg/entry.hpp"
#include "types/vector.hpp"

#include <cmath>

namespace
{

/// Rounding can put a cosine just outside; NaN passes through.
double
clamp_cosine(double cosine) noexcept
{
    if (cosine > 1.0)
        return 1.0;
    if (cosine < -1.0)
        return -1.0;
    return cosine;
}

double
l2_squared(FunctionCallInfo fcinfo)
{
    const auto [a, b, dim] = vx::same_dimension_arguments<float>(fcinfo);
    return vx::kernel::distance_kernels().l2_squared(a->x, b->x, dim);
}

double
dot(FunctionCallInfo fcinfo)
{
    const auto [a, b, dim] = vx::same_dimension_arguments<float>(fcinfo);
    return vx::kernel::distance_kernels().inner_product(a->x, b->x, dim);
}

} // namespace

double
vx::cosine(const float *a, const float *b, std::size_t dim) noexcept
{
    const kernel::CosineTerms terms = kernel::distance_kernels().cosine_terms(a, b, dim);
    const double norms =
        std::sqrt(static_cast<double>(terms.norm_a) * static_cast<double>(terms.norm_b));
    return clamp_cosine(static_cast<double>(terms.dot) / norms);
}

VX_FUNCTION(l2_distance)
{
    PG_RETURN_FLOAT8(std::sqrt(l2_squared(fcinfo)));
}

// Orders like l2_distance and saves the square root: for indexes.
VX_FUNCTION(vector_l2_squared_distance)
{
    PG_RETURN_FLOAT8(l2_squared(fcinfo));
}

VX_FUNCTION(inner_product)
{
    PG_RETURN_FLOAT8(dot(fcinfo));
}

// Operator <#>: negative, because an index scan returns the smallest first.
VX_FUNCTION(vector_negative_inner_product)
{
    PG_RETURN_FLOAT8(-dot(fcinfo));
}

// NaN if one of the vectors is zero.
VX_FUNCTION(cosine_distance)
{
    const auto [a, b, dim] = vx::same_dimension_arguments<float>(fcinfo);
    PG_RETURN_FLOAT8(1.0 - vx::cosine(a->x, b->x, dim));
}

// The angle between unit vectors as a share of pi: a metric, which clustering by angle needs.
VX_FUNCTION(vector_spherical_distance)
{
    PG_RETURN_FLOAT8(std::acos(clamp_cosine(dot(fcinfo))) / M_PI);
}

VX_FUNCTION(l1_distance)
{
    const auto [a, b, dim] = vx::same_dimension_arguments<float>(fcinfo);
    PG_RETURN_FLOAT8(static_cast<double>(vx::kernel::distance_kernels().l1(a->x, b->x, dim)));
}

VX_FUNCTION(vector_norm)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);
    PG_RETURN_FLOAT8(vx::kernel::distance_kernels().l2_norm(v->x, v->dim));
}
