// SPDX-License-Identifier: PostgreSQL
//
// The write plan as a list of nodes, and back.
#include "pg/postgres.hpp"

#include "planner/modify_plan.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
}

namespace vecmesh
{

namespace
{

enum Field {
    field_method,
    field_operation,
    field_can_set_tag,
    field_read_first,
    field_may_skip,
    field_shard_column,
    field_ctid_column,
    field_update_columns,
    field_tail,
    field_sent,
    field_check_options,
    field_pruning,
};

int
get_integer(const List *list, Field field)
{
    return intVal(list_nth(list, field));
}

} // namespace

List *
encode_write_plan(const WritePlan &plan)
{
    // in the order of Field; the tail as an empty string when there is none
    List *list = NIL;
    list = lappend(list, makeInteger(static_cast<int>(plan.method)));
    list = lappend(list, makeInteger(plan.operation));
    list = lappend(list, makeInteger(plan.can_set_tag));
    list = lappend(list, makeInteger(plan.read_first));
    list = lappend(list, makeInteger(plan.may_skip));
    list = lappend(list, makeInteger(plan.shard_column));
    list = lappend(list, makeInteger(plan.ctid_column));
    list = lappend(list, plan.update_columns);
    list = lappend(list, makeString(plan.tail != nullptr ? plan.tail : pstrdup("")));
    list = lappend(list, plan.sent);
    list = lappend(list, plan.check_options);
    list = lappend(list, plan.pruning);
    return list;
}

WritePlan
decode_write_plan(const List *list)
{
    WritePlan plan;
    plan.method = static_cast<WriteMethod>(get_integer(list, field_method));
    plan.operation = static_cast<CmdType>(get_integer(list, field_operation));
    plan.can_set_tag = get_integer(list, field_can_set_tag) != 0;
    plan.read_first = get_integer(list, field_read_first) != 0;
    plan.may_skip = get_integer(list, field_may_skip) != 0;
    plan.shard_column = static_cast<AttrNumber>(get_integer(list, field_shard_column));
    plan.ctid_column = static_cast<AttrNumber>(get_integer(list, field_ctid_column));
    plan.update_columns = static_cast<List *>(list_nth(list, field_update_columns));
    char *tail = strVal(list_nth(list, field_tail));
    plan.tail = tail[0] != '\0' ? tail : nullptr;
    plan.sent = static_cast<List *>(list_nth(list, field_sent));
    plan.check_options = static_cast<List *>(list_nth(list, field_check_options));
    plan.pruning = static_cast<List *>(list_nth(list, field_pruning));
    return plan;
}

} // namespace vecmesh
