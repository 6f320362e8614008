// SPDX-License-Identifier: PostgreSQL
//
// The order of vectors, for btree, DISTINCT, GROUP BY and merge: element by element, then the
// shorter first, as PostgreSQL orders arrays. Differing dimensions are no error here.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "types/vector.hpp"

#include <algorithm>

namespace
{

template <class Element>
int
compare(const vx::DenseVector<Element> *a, const vx::DenseVector<Element> *b) noexcept
{
    using Traits = vx::ElementTraits<Element>;
    const int common = std::min(a->dim, b->dim);
    for (int i = 0; i < common; i++) {
        const float left = Traits::to_float(a->x[i]);
        const float right = Traits::to_float(b->x[i]);
        if (left != right) // NaN does not occur; -0 equals 0
            return left < right ? -1 : 1;
    }
    return (a->dim > b->dim) - (a->dim < b->dim);
}

template <class Element>
int
compare_arguments(FunctionCallInfo fcinfo)
{
    const auto *a = vx::vector_argument<Element>(fcinfo, 0);
    const auto *b = vx::vector_argument<Element>(fcinfo, 1);
    const int order = compare(a, b);
    vx::free_if_detoasted(fcinfo, 0, a);
    vx::free_if_detoasted(fcinfo, 1, b);
    return order;
}

} // namespace

VX_FUNCTION(vector_lt)
{
    PG_RETURN_BOOL(compare_arguments<float>(fcinfo) < 0);
}

VX_FUNCTION(vector_le)
{
    PG_RETURN_BOOL(compare_arguments<float>(fcinfo) <= 0);
}

VX_FUNCTION(vector_eq)
{
    PG_RETURN_BOOL(compare_arguments<float>(fcinfo) == 0);
}

VX_FUNCTION(vector_ne)
{
    PG_RETURN_BOOL(compare_arguments<float>(fcinfo) != 0);
}

VX_FUNCTION(vector_ge)
{
    PG_RETURN_BOOL(compare_arguments<float>(fcinfo) >= 0);
}

VX_FUNCTION(vector_gt)
{
    PG_RETURN_BOOL(compare_arguments<float>(fcinfo) > 0);
}

VX_FUNCTION(vector_cmp)
{
    PG_RETURN_INT32(compare_arguments<float>(fcinfo));
}
