// SPDX-License-Identifier: PostgreSQL
//
// Text output: each number with the fewest digits that read back as the same float, by the function
// that float4out uses, into one buffer of sufficient size.
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "types/vector.hpp"

extern "C" {
#include "common/shortest_dec.h"
}

VX_FUNCTION(vector_out)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);

    // FLOAT_SHORTEST_DECIMAL_LEN counts a terminating '\0' for each number; the separator takes its
    // place. Two brackets and one '\0' remain.
    const std::size_t size = FLOAT_SHORTEST_DECIMAL_LEN * static_cast<std::size_t>(v->dim) + 3;
    char *const text = static_cast<char *>(palloc(size));

    char *p = text;
    *p++ = '[';
    for (int i = 0; i < v->dim; i++) {
        p += float_to_shortest_decimal_bufn(v->x[i], p);
        *p++ = ',';
    }
    p[-1] = ']';
    *p = '\0';
    PG_RETURN_CSTRING(text);
}
