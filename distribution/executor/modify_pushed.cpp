// SPDX-License-Identifier: PostgreSQL
//
// UPDATE and DELETE that workers can do alone: the same statement on every shard that can hold rows
// for it, all workers at once.
#include "pg/postgres.hpp"

#include "executor/modify_state.hpp"
#include "planner/pruning.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace vecmesh
{

const char *
pushed_command(const WriteState *state, int shard)
{
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, state->plan.operation == CMD_UPDATE ? "UPDATE " : "DELETE FROM ");
    append_shard(&sql, state, shard);
    appendStringInfoString(&sql, state->plan.tail);
    if (state->row_list != nullptr)
        appendStringInfo(&sql, " RETURNING %s", state->row_list);
    return sql.data;
}

const bool *
pushed_shards(WriteState *state, const Datum *data, const bool *nulls)
{
    return prune_shards(state->table, state->plan.pruning, data, nulls);
}

void
run_pushed_write(WriteState *state)
{
    state->finished = true;
    read_before_writing(state);
    MemoryContext old = MemoryContextSwitchTo(state->batch);
    Datum *data;
    bool *nulls;
    evaluate_values(state, &data, &nulls);
    const bool *wanted = pushed_shards(state, data, nulls);
    ParameterList *list = make_parameter_list(list_length(state->plan.sent));
    add_tail_parameters(state, list, data, nulls);

    const int shard_count = state->table->shard_count;
    auto *statements = static_cast<ShardStatement *>(palloc0(sizeof(ShardStatement) * shard_count));
    int count = 0;
    for (int shard = 0; shard < shard_count; shard++) {
        if (wanted[shard])
            statements[count++] = {shard, pushed_command(state, shard), &list->parameters, nullptr,
                                   0};
    }
    state->shards_touched = count;
    const int64 rows = run_shard_statements(state, statements, count, false);
    MemoryContextSwitchTo(old);
    if (state->plan.can_set_tag)
        state->css.ss.ps.state->es_processed += rows;
}

} // namespace vecmesh
