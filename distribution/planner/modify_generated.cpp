// SPDX-License-Identifier: PostgreSQL
//
// Stored generated columns: on shards they are ordinary columns, and their values are the
// coordinator's affair. An INSERT computes them from the new row (executor/modify_insert.cpp). An
// UPDATE, whether it is sent whole or not, and an ON CONFLICT DO UPDATE assign them like any other
// column: the generation expression with the new values in place of the columns it reads.
#include "pg/postgres.hpp"

#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "planner/modify_query.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

struct Substitution {
    Relation relation;
    Index target; // range table index
    List *assignments;
};

const TargetEntry *
find_assignment(const List *assignments, AttrNumber column)
{
    ListCell *cell;
    foreach (cell, assignments) {
        const auto *entry = lfirst_node(TargetEntry, cell);
        if (!entry->resjunk && entry->resno == column)
            return entry;
    }
    return nullptr;
}

/// The generation expression has the number 1 for its table.
VX_CALLBACK(::Node *, substitute_mutator, (::Node * node, Substitution *substitution),
            (node, substitution))
{
    if (node == nullptr)
        return nullptr;
    if (!IsA(node, Var))
        return pg::mutate_expression(node, substitute_mutator, substitution);
    auto *var = static_cast<Var *>(copyObjectImpl(node));
    const TargetEntry *entry = find_assignment(substitution->assignments, var->varattno);
    if (entry == nullptr) {
        var->varno = substitution->target;
        var->varnosyn = substitution->target;
        return reinterpret_cast<::Node *>(var);
    }
    if (contain_volatile_functions(reinterpret_cast<::Node *>(entry->expr)))
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("cannot set column \"%s\" of distributed table \"%s\" to a volatile "
                        "expression, because a generated column depends on it",
                        get_attname(RelationGetRelid(substitution->relation), var->varattno, false),
                        RelationGetRelationName(substitution->relation)),
                 errhint("Compute the value first and pass it as a parameter.")));
    return static_cast<::Node *>(copyObjectImpl(entry->expr));
}

bool
reads_assigned_column(::Node *expression, const List *assignments)
{
    Bitmapset *columns = nullptr;
    pull_varattnos(expression, 1, &columns);
    int member = -1;
    while ((member = bms_next_member(columns, member)) >= 0) {
        const auto column = static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber);
        if (find_assignment(assignments, column) != nullptr)
            return true;
    }
    return false;
}

/// Assignments come first in a target list, junk columns last.
List *
insert_assignment(List *assignments, TargetEntry *entry)
{
    int position = 0;
    ListCell *cell;
    foreach (cell, assignments) {
        if (lfirst_node(TargetEntry, cell)->resjunk)
            break;
        position++;
    }
    return list_insert_nth(assignments, position, entry);
}

} // namespace

List *
add_generated_assignments(List *assignments, Oid relation_oid, Index target)
{
    Relation relation = table_open(relation_oid, NoLock); // locked since the statement was parsed
    TupleDesc description = RelationGetDescr(relation);
    Substitution substitution = {relation, target, list_copy(assignments)};
    for (int i = 0; i < description->natts; i++) {
        const FormData_pg_attribute *attribute = TupleDescAttr(description, i);
        if (attribute->attisdropped || attribute->attgenerated != ATTRIBUTE_GENERATED_STORED)
            continue;
        ::Node *expression = build_column_default(relation, attribute->attnum);
        if (!reads_assigned_column(expression, substitution.assignments))
            continue;
        expression = substitute_mutator(expression, &substitution);
        assignments = insert_assignment(
            assignments, makeTargetEntry(reinterpret_cast<Expr *>(expression), attribute->attnum,
                                         pstrdup(NameStr(attribute->attname)), false));
    }
    table_close(relation, NoLock);
    return assignments;
}

} // namespace vecmesh
