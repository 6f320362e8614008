// SPDX-License-Identifier: PostgreSQL
//
// Values as parameters of remote statements and as fields of their results. Binary where the form
// is the same on every node, else text in the style begin_deparse() sets.
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
}

namespace vecmesh
{

void
init_value_codec(ValueCodec *codec, Oid type, int32 typmod, bool binary)
{
    Oid out = InvalidOid;
    Oid in = InvalidOid;
    bool is_varlena = false;
    codec->type = type;
    codec->typmod = typmod;
    codec->binary = binary;
    if (binary) {
        getTypeBinaryOutputInfo(type, &out, &is_varlena);
        getTypeBinaryInputInfo(type, &in, &codec->in_parameter);
    } else {
        getTypeOutputInfo(type, &out, &is_varlena);
        getTypeInputInfo(type, &in, &codec->in_parameter);
    }
    fmgr_info(out, &codec->out);
    fmgr_info(in, &codec->in);
}

ParameterList *
make_parameter_list(int capacity)
{
    auto *list = static_cast<ParameterList *>(palloc0(sizeof(ParameterList)));
    const int size = Max(capacity, 1);
    list->types = static_cast<Oid *>(palloc0(sizeof(Oid) * size));
    list->values = static_cast<const char **>(palloc0(sizeof(char *) * size));
    list->lengths = static_cast<int *>(palloc0(sizeof(int) * size));
    list->formats = static_cast<int *>(palloc0(sizeof(int) * size));
    list->parameters = {0, list->types, list->values, list->lengths, list->formats};
    return list;
}

void
add_parameter(ParameterList *list, ValueCodec *codec, Datum value, bool is_null)
{
    if (!is_null && !codec->binary) {
        add_text_parameter(list, OutputFunctionCall(&codec->out, value));
        return;
    }
    const int i = list->parameters.count++;
    list->formats[i] = codec->binary ? 1 : 0;
    if (is_null)
        return;
    bytea *sent = SendFunctionCall(&codec->out, value);
    list->values[i] = VARDATA(sent);
    list->lengths[i] = static_cast<int>(VARSIZE(sent) - VARHDRSZ);
}

void
add_text_parameter(ParameterList *list, const char *text)
{
    const int i = list->parameters.count++;
    list->formats[i] = 0;
    list->values[i] = text;
    list->lengths[i] = static_cast<int>(strlen(text));
}

Datum
read_value(ValueCodec *codec, const RemoteRow &row, int field, bool *is_null)
{
    *is_null = PQgetisnull(row.result, row.row, field) != 0;
    char *value = PQgetvalue(row.result, row.row, field);
    if (!codec->binary)
        return InputFunctionCall(&codec->in, *is_null ? nullptr : value, codec->in_parameter,
                                 codec->typmod);
    if (*is_null)
        return ReceiveFunctionCall(&codec->in, nullptr, codec->in_parameter, codec->typmod);
    StringInfoData buffer;
    initStringInfo(&buffer);
    appendBinaryStringInfo(&buffer, value, PQgetlength(row.result, row.row, field));
    return ReceiveFunctionCall(&codec->in, &buffer, codec->in_parameter, codec->typmod);
}

} // namespace vecmesh
