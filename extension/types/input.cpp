// SPDX-License-Identifier: PostgreSQL
//
// Text input: "[1,2,3]" to a datum. The reading itself is kernel/vector_text.hpp; here are the
// memory for the result and the errors. The numbers are written straight into the result: with a
// type modifier its size is known beforehand, otherwise it grows by doubling.
#include "pg/postgres.hpp"

#include "kernel/vector_text.hpp"
#include "pg/entry.hpp"
#include "types/vector.hpp"

extern "C" {
#include "utils/float.h"
}

#include <algorithm>
#include <cstring>

using vx::kernel::TextStatus;
using vx::kernel::VectorTextReader;

namespace
{

[[noreturn]] void
raise_syntax_error(const char *type_name, const char *text, const char *detail)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                    errmsg("invalid input syntax for type %s: \"%s\"", type_name, text),
                    detail != nullptr ? errdetail("%s", detail) : 0));
    pg_unreachable();
}

[[noreturn]] void
raise_text_error(TextStatus status, const char *type_name, const char *text,
                 const VectorTextReader &reader)
{
    switch (status) {
    case TextStatus::missing_bracket:
        raise_syntax_error(type_name, text, "Vector contents must start with \"[\".");
    case TextStatus::trailing_text:
        raise_syntax_error(type_name, text, "Junk after closing right brace.");
    case TextStatus::no_elements:
        vx::raise_no_dimensions(type_name);
    case TextStatus::too_many:
        vx::raise_too_many_dimensions(type_name);
    case TextStatus::out_of_range:
        ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                        errmsg("\"%s\" is out of range for type %s",
                               pnstrdup(reader.token(), reader.token_length()), type_name)));
    case TextStatus::not_a_number:
        vx::raise_not_finite(type_name, get_float4_nan());
    case TextStatus::infinite:
        vx::raise_not_finite(type_name, get_float4_infinity());
    case TextStatus::syntax_error:
    case TextStatus::done:
    case TextStatus::need_space:
        break;
    }
    raise_syntax_error(type_name, text, nullptr);
}

/// Room for the first try: what the type modifier says, or a guess from the length of the text (a
/// number of a typical embedding takes 10 to 12 characters; 10 rarely has to grow). Never more than
/// the text can hold, which is one number per two characters.
int
first_capacity(int32 typmod, std::size_t length)
{
    const std::size_t guess = typmod > 0 ? static_cast<std::size_t>(typmod) : length / 10 + 8;
    const std::size_t most = length / 2 + 1;
    return static_cast<int>(std::min({guess, most, std::size_t{vx::kMaxDimensions}}));
}

} // namespace

VX_FUNCTION(vector_in)
{
    const char *text = PG_GETARG_CSTRING(0);
    const int32 typmod = PG_GETARG_INT32(2);
    const char *const type_name = vx::ElementTraits<float>::type_name;
    const std::size_t length = std::strlen(text);

    int capacity = first_capacity(typmod, length);
    vx::Vector *result = vx::make_vector<float>(capacity);
    VectorTextReader reader(text, length, vx::kMaxDimensions);
    for (;;) {
        const TextStatus status = reader.read(result->x, capacity);
        if (likely(status == TextStatus::done))
            break;
        if (status != TextStatus::need_space)
            raise_text_error(status, type_name, text, reader);
        capacity = capacity < vx::kMaxDimensions / 2 ? capacity * 2 : vx::kMaxDimensions;
        result = static_cast<vx::Vector *>(repalloc(result, vx::Vector::size_for(capacity)));
    }

    const int dim = reader.count();
    vx::check_expected_dimensions(typmod, dim);
    SET_VARSIZE(result, vx::Vector::size_for(dim));
    result->dim = static_cast<int16>(dim);
    PG_RETURN_POINTER(result);
}
