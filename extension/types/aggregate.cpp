// SPDX-License-Identifier: PostgreSQL
//
// avg(vector): the state is a float8[] {count, sum of x0, sum of x1, ...}, {0} before the first
// row, as in pgvector; sum(vector) needs nothing but vector_add.
//
// Called by an aggregate, the functions own their first argument and add to it in place, as
// float8_accum() does: a state is allocated once per group instead of once per row.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "types/vector.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
}

#include <cmath>
#include <cstring>

namespace
{

/// The state array, taken apart. `sums` has `dim` elements; 0 of them before the first row.
struct AverageState {
    ArrayType *array;
    float8 *count;
    float8 *sums;
    int dim;
};

AverageState
state_argument(FunctionCallInfo fcinfo, int n, const char *caller)
{
    ArrayType *array = PG_GETARG_ARRAYTYPE_P(n);
    if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] < 1 || ARR_HASNULL(array) ||
        ARR_ELEMTYPE(array) != FLOAT8OID)
        elog(ERROR, "%s: expected state array", caller);
    auto *values = reinterpret_cast<float8 *>(ARR_DATA_PTR(array));
    return {array, values, values + 1, ARR_DIMS(array)[0] - 1};
}

AverageState
make_state(int dim)
{
    const std::size_t size =
        ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (static_cast<std::size_t>(dim) + 1);
    auto *array = static_cast<ArrayType *>(palloc0(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->elemtype = FLOAT8OID;
    ARR_DIMS(array)[0] = dim + 1;
    ARR_LBOUND(array)[0] = 1;
    auto *values = reinterpret_cast<float8 *>(ARR_DATA_PTR(array));
    return {array, values, values + 1, dim};
}

/// The state to change: the argument itself within an aggregate, a copy elsewhere.
AverageState
writable(FunctionCallInfo fcinfo, const AverageState &state)
{
    if (AggCheckCallContext(fcinfo, nullptr) != 0)
        return state;
    const AverageState copy = make_state(state.dim);
    std::memcpy(copy.count, state.count, sizeof(float8) * (static_cast<std::size_t>(copy.dim) + 1));
    return copy;
}

template <class Number>
void
add_to_sums(const AverageState &state, const Number *x)
{
    bool overflow = false;
    for (int i = 0; i < state.dim; i++) {
        state.sums[i] += x[i];
        overflow |= std::isinf(state.sums[i]);
    }
    if (unlikely(overflow))
        float_overflow_error();
}

} // namespace

VX_FUNCTION(vector_accum)
{
    const AverageState state = state_argument(fcinfo, 0, "vector_accum");
    const auto *v = vx::vector_argument<float>(fcinfo, 1);

    AverageState result;
    if (state.dim == 0) {
        result = make_state(v->dim);
        *result.count = *state.count;
        for (int i = 0; i < v->dim; i++)
            result.sums[i] = v->x[i];
    } else {
        vx::check_expected_dimensions(state.dim, v->dim);
        result = writable(fcinfo, state);
        add_to_sums(result, v->x);
    }
    *result.count += 1.0;
    PG_RETURN_ARRAYTYPE_P(result.array);
}

VX_FUNCTION(vector_combine)
{
    const AverageState a = state_argument(fcinfo, 0, "vector_combine");
    const AverageState b = state_argument(fcinfo, 1, "vector_combine");
    const char *const type_name = vx::ElementTraits<float>::type_name;

    // A parallel worker that met no row hands over {0}; two of them make {0} again.
    if (*a.count == 0.0 && *b.count == 0.0)
        PG_RETURN_ARRAYTYPE_P(make_state(0).array);
    if (*a.count == 0.0 || *b.count == 0.0) {
        const AverageState &used = *a.count == 0.0 ? b : a;
        vx::check_dimensions(type_name, used.dim);
        PG_RETURN_ARRAYTYPE_P(used.array);
    }

    vx::check_dimensions(type_name, a.dim);
    vx::check_expected_dimensions(a.dim, b.dim);
    const AverageState result = writable(fcinfo, a);
    add_to_sums(result, b.sums);
    *result.count += *b.count;
    PG_RETURN_ARRAYTYPE_P(result.array);
}

VX_FUNCTION(vector_avg)
{
    const AverageState state = state_argument(fcinfo, 0, "vector_avg");
    if (*state.count == 0.0)
        PG_RETURN_NULL(); // the average of no rows

    const char *const type_name = vx::ElementTraits<float>::type_name;
    vx::check_dimensions(type_name, state.dim);
    auto *result = vx::make_vector<float>(state.dim);
    for (int i = 0; i < state.dim; i++)
        result->x[i] = static_cast<float>(state.sums[i] / *state.count);
    vx::check_finite(type_name, result->x, state.dim);
    PG_RETURN_POINTER(result);
}
