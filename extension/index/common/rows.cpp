// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/rows.hpp"

#include "types/vector.hpp"

namespace vx::index
{

bool
make_row(Datum value, int32 dimensions, bool normalize_them, float *out)
{
    const Vector *vector = vector_from_datum<float>(value);
    if (vector->dim != dimensions)
        check_same_dimensions(ElementTraits<float>::type_name, dimensions, vector->dim);
    if (normalize_them)
        return normalize(vector->x, dimensions, out);
    memcpy(out, vector->x, static_cast<Size>(dimensions) * sizeof(float));
    return true;
}

} // namespace vx::index
