// SPDX-License-Identifier: PostgreSQL
//
// The type modifier: vector(3) has modifier 3, vector has none (-1).
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "types/vector.hpp"

extern "C" {
#include "utils/array.h"
}

namespace
{

int32
dimensions_from_modifiers(ArrayType *modifiers, const char *type_name)
{
    int n;
    const int32 *values = ArrayGetIntegerTypmods(modifiers, &n);

    if (n != 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
    if (values[0] < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions for type %s must be at least 1", type_name)));
    if (values[0] > vx::kMaxDimensions)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("dimensions for type %s cannot exceed %d", type_name, vx::kMaxDimensions)));
    return values[0];
}

} // namespace

VX_FUNCTION(vector_typmod_in)
{
    PG_RETURN_INT32(
        dimensions_from_modifiers(PG_GETARG_ARRAYTYPE_P(0), vx::ElementTraits<float>::type_name));
}

// The length coercion cast vector -> vector(n); the value itself does not change.
VX_FUNCTION(vector)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);
    vx::check_expected_dimensions(PG_GETARG_INT32(1), v->dim);
    PG_RETURN_POINTER(v);
}
