// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "planner/scan_plan.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/value.h"
}

namespace vecmesh
{

namespace
{

// The order in which both lists are written and read. The first element tells the stages apart.

::Node *
text_node(const char *text)
{
    return reinterpret_cast<::Node *>(text == nullptr ? nullptr : makeString(pstrdup(text)));
}

char *
text_of(void *node)
{
    return node == nullptr ? nullptr : strVal(const_cast<void *>(node));
}

::Node *
number_node(int number)
{
    return reinterpret_cast<::Node *>(makeInteger(number));
}

List *
sort_list(const SortKeys &sort)
{
    return list_make4(sort.operators, sort.collations, sort.nulls_first, sort.descending);
}

SortKeys
read_sort(const List *list)
{
    return SortKeys{static_cast<List *>(linitial(list)), static_cast<List *>(lsecond(list)),
                    static_cast<List *>(lthird(list)), static_cast<List *>(lfourth(list))};
}

/// Hands out the elements of a list in order.
class Reader
{
  public:
    explicit Reader(const List *list) : list_(list) {}

    void *next() { return list_nth(list_, position_++); }

    List *next_list() { return static_cast<List *>(next()); }

    int next_number() { return intVal(next()); }

    char *next_text() { return text_of(next()); }

  private:
    const List *list_;
    int position_ = 1; // behind the stage
};

} // namespace

List *
make_request_private(const ScanRequest &request)
{
    return list_make4(number_node(false), sort_list(request.sort), number_node(request.limited),
                      text_node(request.locking));
}

ScanRequest
read_request(const List *custom_private)
{
    Reader reader(custom_private);
    ScanRequest request = {};
    request.sort = read_sort(reader.next_list());
    request.limited = reader.next_number() != 0;
    request.locking = reader.next_text();
    return request;
}

bool
is_finished(const List *custom_private)
{
    return intVal(linitial(custom_private)) != 0;
}

List *
make_plan_private(const ScanPlan &plan)
{
    List *list = list_make1(number_node(true));
    list = lappend(list, plan.columns);
    list = lappend(list, plan.column_types);
    list = lappend(list, plan.column_typmods);
    list = lappend(list, plan.sources);
    list = lappend(list, plan.row_columns);
    list = lappend(list, text_node(plan.where));
    list = lappend(list, sort_list(plan.sort));
    list = lappend(list, plan.sort_columns);
    list = lappend(list, number_node(plan.limited));
    list = lappend(list, number_node(plan.limit_count));
    list = lappend(list, number_node(plan.limit_offset));
    list = lappend(list, text_node(plan.locking));
    list = lappend(list, plan.sent);
    list = lappend(list, plan.pruning);
    return list;
}

ScanPlan
read_plan(const List *custom_private)
{
    Reader reader(custom_private);
    ScanPlan plan = {};
    plan.columns = reader.next_list();
    plan.column_types = reader.next_list();
    plan.column_typmods = reader.next_list();
    plan.sources = reader.next_list();
    plan.row_columns = reader.next_list();
    plan.where = reader.next_text();
    plan.sort = read_sort(reader.next_list());
    plan.sort_columns = reader.next_list();
    plan.limited = reader.next_number() != 0;
    plan.limit_count = reader.next_number();
    plan.limit_offset = reader.next_number();
    plan.locking = reader.next_text();
    plan.sent = reader.next_list();
    plan.pruning = reader.next_list();
    return plan;
}

} // namespace vecmesh
