// SPDX-License-Identifier: PostgreSQL
//
// COPY table TO: becomes COPY (SELECT columns FROM table) TO, which reads the shards like any
// query. COPY (query) TO needs nothing.
#include "pg/postgres.hpp"

#include "ddl/utility_hook.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

/// Without a column list: all columns but generated ones, as COPY does.
List *
all_columns(Oid relation_id)
{
    Relation relation = table_open(relation_id, AccessShareLock);
    TupleDesc description = RelationGetDescr(relation);
    List *columns = NIL;

    for (int i = 0; i < description->natts; i++) {
        Form_pg_attribute attribute = TupleDescAttr(description, i);

        if (!attribute->attisdropped && attribute->attgenerated == '\0')
            columns = lappend(columns, makeString(pstrdup(NameStr(attribute->attname))));
    }
    table_close(relation, AccessShareLock);
    return columns;
}

SelectStmt *
make_select(RangeVar *relation, List *columns)
{
    SelectStmt *select = makeNode(SelectStmt);
    ListCell *cell;

    foreach (cell, columns) {
        ColumnRef *reference = makeNode(ColumnRef);
        ResTarget *target = makeNode(ResTarget);

        reference->fields = list_make1(lfirst(cell));
        reference->location = -1;
        target->val = reinterpret_cast<Node *>(reference);
        target->location = -1;
        select->targetList = lappend(select->targetList, target);
    }
    select->fromClause = list_make1(relation);
    return select;
}

} // namespace

bool
copy_to(const UtilityCall &call)
{
    const auto *original = castNode(CopyStmt, call.statement->utilityStmt);

    if (original->is_from || original->relation == nullptr)
        return false;

    // Locked before it is looked up: another session may be distributing it just now.
    const DistributedTable *table =
        find_distributed_table(RangeVarGetRelid(original->relation, AccessShareLock, true));

    if (table == nullptr)
        return false;

    UtilityCall changed = call;

    changed.statement = static_cast<PlannedStmt *>(copyObject(call.statement));
    changed.read_only_tree = false;

    auto *copy = castNode(CopyStmt, changed.statement->utilityStmt);
    List *columns = copy->attlist != NIL ? copy->attlist : all_columns(table->relation);

    copy->query = reinterpret_cast<Node *>(make_select(copy->relation, columns));
    copy->relation = nullptr;
    copy->attlist = NIL;
    run_local(changed);
    return true;
}

} // namespace vecmesh
