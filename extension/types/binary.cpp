// SPDX-License-Identifier: PostgreSQL
//
// Binary input and output, as used by COPY BINARY and by drivers (big endian):
//
//   int16 dim | int16 unused = 0 | dim elements, float4 each
#include "pg/postgres.hpp"

#include "pg/entry.hpp"
#include "types/vector.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
}

#include <cstring>

namespace
{

constexpr int kHeaderSize = 4;

void
floats_from_network(float *out, const char *in, int n) noexcept
{
    for (int i = 0; i < n; i++) {
        uint32 word;
        std::memcpy(&word, in + sizeof(word) * i, sizeof(word));
        word = pg_ntoh32(word);
        std::memcpy(&out[i], &word, sizeof(word));
    }
}

void
floats_to_network(char *out, const float *in, int n) noexcept
{
    for (int i = 0; i < n; i++) {
        uint32 word;
        std::memcpy(&word, &in[i], sizeof(word));
        word = pg_hton32(word);
        std::memcpy(out + sizeof(word) * i, &word, sizeof(word));
    }
}

} // namespace

VX_FUNCTION(vector_recv)
{
    auto *message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int32 typmod = PG_GETARG_INT32(2);
    const char *const type_name = vx::ElementTraits<float>::type_name;

    const int dim = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
    const int unused = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
    vx::check_dimensions(type_name, dim);
    vx::check_expected_dimensions(typmod, dim);
    if (unused != 0)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected unused to be 0, not %d", unused)));

    // Raises if the message is too short; surplus bytes are the caller's error to report.
    const char *elements = pq_getmsgbytes(message, dim * static_cast<int>(sizeof(float)));
    vx::Vector *result = vx::make_vector<float>(dim);
    floats_from_network(result->x, elements, dim);
    vx::check_finite(type_name, result->x, dim);
    PG_RETURN_POINTER(result);
}

VX_FUNCTION(vector_send)
{
    const auto *v = vx::vector_argument<float>(fcinfo, 0);
    const int size = kHeaderSize + v->dim * static_cast<int>(sizeof(float));

    StringInfoData message;
    pq_begintypsend(&message);
    enlargeStringInfo(&message, size);
    pq_sendint16(&message, v->dim);
    pq_sendint16(&message, v->unused);
    floats_to_network(message.data + message.len, v->x, v->dim);
    message.len += v->dim * static_cast<int>(sizeof(float));
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
