// SPDX-License-Identifier: PostgreSQL
//
// EXPLAIN of writes: how the rows find their shards, the SQL that workers get (of the first shard
// concerned), and with ANALYZE how much of it was sent.
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
}

#include "pg/compat.hpp"
#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

struct ParameterSearch {
    bool have_external;
};

/// Finds a parameter without a value: an init plan's, or any in a plan explained as generic.
VX_CALLBACK(bool, unknown_parameter_walker, (Node * node, ParameterSearch *search), (node, search))
{
    if (node == nullptr)
        return false;
    if (IsA(node, Param))
        return castNode(Param, node)->paramkind != PARAM_EXTERN || !search->have_external;
    return pg::walk_expression(node, unknown_parameter_walker, search);
}

bool
values_are_known(const WriteState *state)
{
    ParameterSearch search = {state->css.ss.ps.state->es_param_list_info != nullptr};
    const auto *scan = castNode(CustomScan, state->css.ss.ps.plan);
    return !unknown_parameter_walker(reinterpret_cast<Node *>(scan->custom_exprs), &search);
}

void
explain_pushed(WriteState *state, ExplainState *explain)
{
    int first = 0;
    if (state->plan.pruning == NIL || values_are_known(state)) {
        Datum *data;
        bool *nulls;
        evaluate_values(state, &data, &nulls);
        const bool *wanted = pushed_shards(state, data, nulls);
        int count = 0;
        for (int shard = state->table->shard_count - 1; shard >= 0; shard--) {
            if (wanted[shard]) {
                count++;
                first = shard;
            }
        }
        ExplainPropertyText("Shards", psprintf("%d of %d", count, state->table->shard_count),
                            explain);
    } else {
        ExplainPropertyText("Shards", "decided at execution", explain);
    }
    if (explain->verbose)
        ExplainPropertyText("Remote SQL", pushed_command(state, first), explain);
}

} // namespace

void
explain_write(WriteState *state, ExplainState *explain)
{
    switch (state->plan.method) {
    case WriteMethod::insert:
        ExplainPropertyText(
            "Shard Key", get_attname(state->table->relation, state->table->column, false), explain);
        if (explain->verbose)
            ExplainPropertyText("Remote SQL", insert_command(state, 0, 1), explain);
        break;
    case WriteMethod::rows:
        ExplainPropertyText("Rows By", "shard and ctid", explain);
        break;
    case WriteMethod::pushed:
        explain_pushed(state, explain);
        break;
    }
    if (!explain->analyze)
        return;
    ExplainPropertyInteger("Remote Statements", nullptr, state->statements, explain);
    if (state->copied_rows > 0)
        ExplainPropertyInteger("Rows Copied", nullptr, state->copied_rows, explain);
}

} // namespace vecmesh
