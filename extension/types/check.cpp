// SPDX-License-Identifier: PostgreSQL
//
// The errors that all dense vector types share.
#include "pg/postgres.hpp"

#include "types/vector.hpp"

#include <cmath>

namespace vx
{

void
check_same_dimensions(const char *type_name, int a, int b)
{
    if (a != b)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different %s dimensions %d and %d", type_name, a, b)));
}

void
check_expected_dimensions(int32 typmod, int dim)
{
    if (typmod != -1 && typmod != dim)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected %d dimensions, not %d", typmod, dim)));
}

void
check_dimensions(const char *type_name, int64 dim)
{
    if (dim < 1)
        raise_no_dimensions(type_name);
    if (dim > kMaxDimensions)
        raise_too_many_dimensions(type_name);
}

void
check_finite(const char *type_name, const float *x, int dim)
{
    // One answer for all first, without a branch per element, so that the compiler vectorizes.
    bool finite = true;
    for (int i = 0; i < dim; i++)
        finite &= std::isfinite(x[i]);
    if (likely(finite))
        return;
    for (int i = 0; i < dim; i++)
        if (!std::isfinite(x[i]))
            raise_not_finite(type_name, x[i]);
}

void
raise_not_finite(const char *type_name, float value)
{
    if (std::isnan(value))
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", type_name)));
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("infinite value not allowed in %s", type_name)));
    pg_unreachable();
}

void
raise_no_dimensions(const char *type_name)
{
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("%s must have at least 1 dimension", type_name)));
    pg_unreachable();
}

void
raise_too_many_dimensions(const char *type_name)
{
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%s cannot have more than %d dimensions", type_name, kMaxDimensions)));
    pg_unreachable();
}

void
raise_corrupted(const char *type_name)
{
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid %s value", type_name),
                    errdetail("Its length does not fit its number of dimensions.")));
    pg_unreachable();
}

} // namespace vx
