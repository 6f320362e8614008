// SPDX-License-Identifier: PostgreSQL
//
// One statement per worker over all its shards:
//
//   one shard      SELECT … FROM s.items_1 t WHERE … ORDER BY 2 LIMIT 10
//   several        (SELECT … FROM s.items_1 t WHERE … ORDER BY 2 LIMIT 10) UNION ALL
//                  (SELECT … FROM s.items_2 t WHERE … ORDER BY 2 LIMIT 10) ORDER BY 2 LIMIT 10
//
// Each branch has its own ORDER BY and LIMIT, so that each shard's index serves it. The sort keys
// are named by position, so that an expression (and its parameter) is written once.
#include "pg/postgres.hpp"

#include "executor/scan_state.hpp"

extern "C" {
#include "access/sysattr.h"
#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace vecmesh
{

namespace
{

struct StatementShape {
    const ScanPlan *plan;
    const DistributedTable *table;
    const char *limit; ///< or nullptr
};

void
append_columns(StringInfo sql, const ScanPlan *plan, int shard)
{
    const char *separator = " ";
    ListCell *cell;
    foreach (cell, plan->columns) {
        const char *column = strVal(lfirst(cell));
        appendStringInfoString(sql, separator);
        if (*column != '\0')
            appendStringInfoString(sql, column);
        else
            appendStringInfo(sql, "'%d'::cid", shard);
        separator = ", ";
    }
}

void
append_order(StringInfo sql, const ScanPlan *plan)
{
    for (int i = 0; i < list_length(plan->sort_columns); i++) {
        const int tuple_column = list_nth_int(plan->sort_columns, i);
        const bool descending = list_nth_int(plan->sort.descending, i) != 0;
        const bool nulls_first = list_nth_int(plan->sort.nulls_first, i) != 0;
        appendStringInfo(sql, "%s %d", i == 0 ? " ORDER BY" : ",",
                         list_nth_int(plan->sources, tuple_column - 1) + 1);
        if (descending)
            appendStringInfoString(sql, " DESC");
        if (nulls_first != descending)
            appendStringInfoString(sql, nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
}

void
append_order_and_limit(StringInfo sql, const StatementShape &shape)
{
    append_order(sql, shape.plan);
    if (shape.limit != nullptr)
        appendStringInfo(sql, " LIMIT %s", shape.limit);
}

void
append_branch(StringInfo sql, const StatementShape &shape, int shard)
{
    appendStringInfoString(sql, "SELECT");
    append_columns(sql, shape.plan, shard);
    appendStringInfo(
        sql, " FROM %s t",
        shard_qualified_name(shape.table->relation, shape.table->shards[shard].shard_id));
    if (shape.plan->where != nullptr)
        appendStringInfo(sql, " WHERE %s", shape.plan->where);
    append_order_and_limit(sql, shape);
    if (shape.plan->locking != nullptr)
        appendStringInfo(sql, " %s", shape.plan->locking);
}

const char *
build_statement(const StatementShape &shape, const WorkerPart &part)
{
    StringInfoData sql;
    initStringInfo(&sql);
    if (part.shard_count == 1) {
        append_branch(&sql, shape, part.shards[0]);
        return sql.data;
    }
    // a locking clause may not stand in a UNION's branch, but in a subquery of it
    const bool wrapped = shape.plan->locking != nullptr;
    for (int i = 0; i < part.shard_count; i++) {
        if (i > 0)
            appendStringInfoString(&sql, " UNION ALL ");
        appendStringInfoString(&sql, wrapped ? "(SELECT * FROM (" : "(");
        append_branch(&sql, shape, part.shards[i]);
        appendStringInfoString(&sql, wrapped ? ") s)" : ")");
    }
    append_order_and_limit(&sql, shape);
    return sql.data;
}

WorkerPart *
find_part(VecmeshScanState *state, int32 group)
{
    for (int i = 0; i < state->part_count; i++) {
        if (state->parts[i].group == group)
            return &state->parts[i];
    }
    WorkerPart *part = &state->parts[state->part_count++];
    part->group = group;
    return part;
}

} // namespace

void
assign_shards(VecmeshScanState *state, const DistributedTable *table, const bool *keep)
{
    state->parts =
        static_cast<WorkerPart *>(palloc0(sizeof(WorkerPart) * (table->group_count + 1)));
    state->part_count = 0;
    state->shards_visited = 0;
    state->shards_total = table->shard_count;
    for (int shard = 0; shard < table->shard_count; shard++) {
        if (!keep[shard])
            continue;
        WorkerPart *part = find_part(state, table->shards[shard].group_id);
        if (part->shards == nullptr)
            part->shards = static_cast<int *>(palloc(sizeof(int) * table->shard_count));
        part->shards[part->shard_count++] = shard;
        state->shards_visited++;
    }
}

void
build_statements(VecmeshScanState *state, const DistributedTable *table)
{
    StatementShape shape = {&state->plan, table, nullptr};
    int64 limit = 0;
    if (!state->limit_known)
        shape.limit = "?"; // only EXPLAIN without parameters writes this
    else if (compute_limit(state, &limit))
        shape.limit = psprintf(INT64_FORMAT, limit);
    for (int i = 0; i < state->part_count; i++)
        state->parts[i].sql = build_statement(shape, state->parts[i]);
}

} // namespace vecmesh
