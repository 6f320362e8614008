// SPDX-License-Identifier: PostgreSQL
//
// The values of a scan: computed once per execution, some of them sent to the workers.
#include "pg/postgres.hpp"

#include "executor/scan_state.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace vecmesh
{

void
init_values(VecmeshScanState *state)
{
    auto *scan = reinterpret_cast<CustomScan *>(state->custom.ss.ps.plan);
    auto *expressions = static_cast<List *>(list_nth(scan->custom_exprs, kPlanValues));
    state->value_count = list_length(expressions);
    state->senders =
        static_cast<ValueSender *>(palloc0(sizeof(ValueSender) * (state->value_count + 1)));
    int i = 0;
    ListCell *cell;
    foreach (cell, expressions) {
        auto *expression = static_cast<Expr *>(lfirst(cell));
        ValueSender *sender = &state->senders[i++];
        sender->expression = ExecInitExpr(expression, &state->custom.ss.ps);
        sender->type = exprType(reinterpret_cast<::Node *>(expression));
        Oid function = InvalidOid;
        bool is_varlena = false;
        getTypeOutputInfo(sender->type, &function, &is_varlena);
        fmgr_info(function, &sender->text_output);
        if (travels_binary(sender->type)) {
            getTypeBinaryOutputInfo(sender->type, &function, &is_varlena);
            fmgr_info(function, &sender->binary_output);
        }
    }
}

void
compute_values(VecmeshScanState *state)
{
    ExprContext *context = state->custom.ss.ps.ps_ExprContext;
    state->values = static_cast<Datum *>(palloc0(sizeof(Datum) * (state->value_count + 1)));
    state->value_nulls = static_cast<bool *>(palloc0(sizeof(bool) * (state->value_count + 1)));
    for (int i = 0; i < state->value_count; i++)
        state->values[i] =
            ExecEvalExpr(state->senders[i].expression, context, &state->value_nulls[i]);
}

namespace
{

/// Text must not depend on this session's settings; the worker's session has fixed ones.
int
begin_plain_text()
{
    const int nest = NewGUCNestLevel();
    set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                      false);
    set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                      true, 0, false);
    set_config_option("extra_float_digits", "3", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                      0, false);
    return nest;
}

struct EncodedValues {
    Oid *types;
    const char **values;
    int *lengths;
    int *formats;
};

void
encode_value(ValueSender *sender, Datum value, bool is_null, bool binary, EncodedValues *out, int n)
{
    out->types[n] = sender->type < FirstGenbkiObjectId ? sender->type : InvalidOid;
    if (is_null)
        return;
    if (binary && OidIsValid(sender->binary_output.fn_oid)) {
        bytea *bytes = SendFunctionCall(&sender->binary_output, value);
        out->values[n] = VARDATA(bytes);
        out->lengths[n] = VARSIZE(bytes) - VARHDRSZ;
        out->formats[n] = 1;
        return;
    }
    char *text = OutputFunctionCall(&sender->text_output, value);
    out->values[n] = text;
    out->lengths[n] = strlen(text);
}

} // namespace

RemoteParameters *
encode_values(VecmeshScanState *state)
{
    const int count = list_length(state->plan.sent) + 1; // and perhaps the limit
    EncodedValues out = {static_cast<Oid *>(palloc0(sizeof(Oid) * count)),
                         static_cast<const char **>(palloc0(sizeof(char *) * count)),
                         static_cast<int *>(palloc0(sizeof(int) * count)),
                         static_cast<int *>(palloc0(sizeof(int) * count))};
    const int nest = state->binary ? -1 : begin_plain_text();
    int n = 0;
    ListCell *cell;
    foreach (cell, state->plan.sent) {
        const int i = lfirst_int(cell);
        encode_value(&state->senders[i], state->values[i], state->value_nulls[i], state->binary,
                     &out, n++);
    }
    if (nest >= 0)
        AtEOXact_GUC(true, nest);

    auto *parameters = static_cast<RemoteParameters *>(palloc0(sizeof(RemoteParameters)));
    parameters->count = n;
    parameters->types = out.types;
    parameters->values = out.values;
    parameters->lengths = out.lengths;
    parameters->formats = out.formats;
    return parameters;
}

bool
compute_limit(const VecmeshScanState *state, int64 *limit)
{
    const ScanPlan &plan = state->plan;
    if (!plan.limited || state->value_nulls[plan.limit_count])
        return false;
    int64 count = DatumGetInt64(state->values[plan.limit_count]);
    int64 offset = 0;
    if (plan.limit_offset >= 0 && !state->value_nulls[plan.limit_offset])
        offset = DatumGetInt64(state->values[plan.limit_offset]);
    // a negative value is an error that the Limit node above has reported already
    return count >= 0 && offset >= 0 && !pg_add_s64_overflow(count, offset, limit);
}

} // namespace vecmesh
