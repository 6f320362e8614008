// SPDX-License-Identifier: PostgreSQL
//
// Element-wise + - *, and functions that make one vector from another: concatenation, part,
// normalization, signs. A result that leaves the range of float4 is an error, never an infinity.
#include "pg/postgres.hpp"

#include "kernel/distance.hpp"
#include "pg/entry.hpp"
#include "types/vector.hpp"

extern "C" {
#include "utils/float.h"
#include "utils/varbit.h"
}

#include <algorithm>
#include <cmath>
#include <cstring>

namespace
{

template <class Element>
void
check_overflow(const vx::DenseVector<Element> *v)
{
    bool overflow = false;
    for (int i = 0; i < v->dim; i++)
        overflow |= std::isinf(vx::ElementTraits<Element>::to_float(v->x[i]));
    if (unlikely(overflow))
        float_overflow_error();
}

template <class Element, class Operation>
vx::DenseVector<Element> *
combine_elements(const vx::VectorPair<Element> &args, Operation operation)
{
    using Traits = vx::ElementTraits<Element>;
    auto *result = vx::make_vector<Element>(args.dim);
    for (int i = 0; i < args.dim; i++)
        result->x[i] = Traits::from_float(
            operation(Traits::to_float(args.a->x[i]), Traits::to_float(args.b->x[i])));
    check_overflow(result);
    return result;
}

} // namespace

VX_FUNCTION(vector_add)
{
    PG_RETURN_POINTER(combine_elements(vx::same_dimension_arguments<float>(fcinfo),
                                       [](float a, float b) { return a + b; }));
}

VX_FUNCTION(vector_sub)
{
    PG_RETURN_POINTER(combine_elements(vx::same_dimension_arguments<float>(fcinfo),
                                       [](float a, float b) { return a - b; }));
}

VX_FUNCTION(vector_mul)
{
    const auto args = vx::same_dimension_arguments<float>(fcinfo);
    const auto *result = combine_elements(args, [](float a, float b) { return a * b; });

    // A product of two numbers that are not 0 must not be 0.
    bool underflow = false;
    for (int i = 0; i < args.dim; i++)
        underflow |= (result->x[i] == 0) & (args.a->x[i] != 0) & (args.b->x[i] != 0);
    if (unlikely(underflow))
        float_underflow_error();
    PG_RETURN_POINTER(result);
}

VX_FUNCTION(vector_concat)
{
    const auto *a = vx::vector_argument<float>(fcinfo, 0);
    const auto *b = vx::vector_argument<float>(fcinfo, 1);
    const int dim = a->dim + b->dim;
    vx::check_dimensions(vx::ElementTraits<float>::type_name, dim);

    auto *result = vx::make_vector<float>(dim);
    std::copy_n(a->x, a->dim, result->x);
    std::copy_n(b->x, b->dim, result->x + a->dim);
    PG_RETURN_POINTER(result);
}

VX_FUNCTION(subvector)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);
    const int64 start = PG_GETARG_INT32(1); // counted from 1, as in substring()
    const int64 count = PG_GETARG_INT32(2);
    const char *const type_name = vx::ElementTraits<float>::type_name;

    // 64-bit arithmetic: start + count may exceed the range of int4.
    if (count < 1)
        vx::raise_no_dimensions(type_name);
    const int64 first = std::max<int64>(start, 1);
    const int64 behind = std::min<int64>(start + count, int64{v->dim} + 1);
    vx::check_dimensions(type_name, behind - first);

    auto *result = vx::make_vector<float>(static_cast<int>(behind - first));
    std::copy_n(v->x + first - 1, result->dim, result->x);
    PG_RETURN_POINTER(result);
}

// The vector divided by its length; a zero vector stays as it is.
VX_FUNCTION(l2_normalize)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);
    const double norm = vx::kernel::distance_kernels().l2_norm(v->x, v->dim);

    auto *result = vx::make_vector<float>(v->dim);
    if (norm > 0) {
        for (int i = 0; i < v->dim; i++)
            result->x[i] = static_cast<float>(v->x[i] / norm);
        check_overflow(result);
    } else {
        std::fill_n(result->x, v->dim, 0.0f);
    }
    PG_RETURN_POINTER(result);
}

// One bit per element, 1 where it is greater than 0; the first element is the highest bit.
VX_FUNCTION(binary_quantize)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);
    const int size = VARBITTOTALLEN(v->dim);
    auto *result = static_cast<VarBit *>(palloc0(size));
    SET_VARSIZE(result, size);
    VARBITLEN(result) = v->dim;

    bits8 *bits = VARBITS(result);
    for (int i = 0; i < v->dim; i++)
        bits[i / 8] |= static_cast<bits8>((v->x[i] > 0) << (7 - i % 8));
    PG_RETURN_VARBIT_P(result);
}

VX_FUNCTION(vector_dims)
{
    PG_RETURN_INT32(vx::vector_argument<float>(fcinfo, 0)->dim);
}
