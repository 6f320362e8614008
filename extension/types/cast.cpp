// SPDX-License-Identifier: PostgreSQL
//
// Casts between arrays and vectors. The elements of an array without nulls lie side by side, so
// arrays of fixed-length numbers are converted where they are, without a Datum per element.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "types/vector.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

#include <cstring>

namespace
{

/// Converts n elements of type From; a float8 too large for a float becomes infinite, which
/// check_finite refuses.
template <class From>
void
convert_elements(const ArrayType *array, float *out, int n) noexcept
{
    const char *elements = ARR_DATA_PTR(array);
    for (int i = 0; i < n; i++) {
        From value;
        std::memcpy(&value, elements + sizeof(From) * i, sizeof(From));
        out[i] = static_cast<float>(value);
    }
}

void
convert_numerics(ArrayType *array, float *out, int n)
{
    Datum *elements;
    int count;
    deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    Assert(count == n);
    for (int i = 0; i < n; i++)
        out[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
    pfree(elements);
}

void
convert_array(ArrayType *array, float *out, int n)
{
    switch (ARR_ELEMTYPE(array)) {
    case INT4OID:
        return convert_elements<int32>(array, out, n);
    case FLOAT4OID:
        return convert_elements<float4>(array, out, n);
    case FLOAT8OID:
        return convert_elements<float8>(array, out, n);
    case NUMERICOID:
        return convert_numerics(array, out, n);
    default:
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type")));
    }
}

} // namespace

VX_FUNCTION(array_to_vector)
{
    ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
    const int32 typmod = PG_GETARG_INT32(1);
    const char *const type_name = vx::ElementTraits<float>::type_name;

    if (ARR_NDIM(array) > 1)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
    if (ARR_HASNULL(array) && array_contains_nulls(array))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));

    const int dim = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    vx::check_dimensions(type_name, dim);
    vx::check_expected_dimensions(typmod, dim);

    vx::Vector *result = vx::make_vector<float>(dim);
    convert_array(array, result->x, dim);
    vx::check_finite(type_name, result->x, dim);
    PG_RETURN_POINTER(result);
}

VX_FUNCTION(vector_to_float4)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);
    const std::size_t data_size = sizeof(float4) * static_cast<std::size_t>(v->dim);
    const std::size_t size = ARR_OVERHEAD_NONULLS(1) + data_size;

    auto *result = static_cast<ArrayType *>(palloc0(size));
    SET_VARSIZE(result, size);
    result->ndim = 1;
    result->dataoffset = 0; // no null bitmap
    result->elemtype = FLOAT4OID;
    ARR_DIMS(result)[0] = v->dim;
    ARR_LBOUND(result)[0] = 1;
    std::memcpy(ARR_DATA_PTR(result), v->x, data_size);
    PG_RETURN_POINTER(result);
}
