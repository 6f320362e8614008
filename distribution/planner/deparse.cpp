// SPDX-License-Identifier: PostgreSQL
//
// PostgreSQL's own ruleutils writes the SQL; this file prepares the tree for it. Three things must
// be said aloud that a tree knows silently:
//   * parameters print as $n, so each gets a cast: the worker infers the parameter's type from it,
//     without either side knowing the other's oids;
//   * a relabelling to collation "C" prints as a plain cast, so it becomes a COLLATE clause;
//   * a constant prints in the session's DateStyle and so on, so begin_deparse() sets these.
#include "pg/postgres.hpp"

#include "planner/deparse.hpp"

#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "planner/shippable.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
}

namespace vecmesh
{

namespace
{

/// Constants of built-in types up to this size are written into the statement, where a reader of
/// EXPLAIN sees them; longer ones and vectors travel as parameters, in binary.
constexpr Size kInlineConstantBytes = 64;

struct Preparation {
    ShipScope scope;
    Index excluded; // 0: there is no EXCLUDED
    ValueList *values;
};

/// The relations of the deparse context.
enum ContextRelation : Index { kTarget = 1, kExcluded = 2 };

bool
is_inline_constant(const Const *constant)
{
    if (constant->consttype >= FirstGenbkiObjectId)
        return false;
    if (constant->constisnull || constant->constlen > 0)
        return true;
    return datumGetSize(constant->constvalue, constant->constbyval, constant->constlen) <=
           kInlineConstantBytes;
}

Node *
collate_c(Expr *expression)
{
    auto *collate = makeNode(CollateExpr);
    collate->arg = expression;
    collate->collOid = C_COLLATION_OID;
    collate->location = -1;
    return reinterpret_cast<Node *>(collate);
}

/// $n::type, with its collation where that is not the default one.
Node *
make_sent_value(Node *value, ValueList *values)
{
    const Oid type = exprType(value);
    const Oid collation = exprCollation(value);

    auto *param = makeNode(Param);
    param->paramkind = PARAM_EXTERN;
    param->paramid = add_sent_value(values, reinterpret_cast<Expr *>(value));
    param->paramtype = type;
    param->paramtypmod = -1;
    param->paramcollid = collation;
    param->location = -1;
    auto *cast = reinterpret_cast<Expr *>(makeRelabelType(reinterpret_cast<Expr *>(param), type, -1,
                                                          collation, COERCE_EXPLICIT_CAST));
    return pg::is_c_collation(collation) ? collate_c(cast) : reinterpret_cast<Node *>(cast);
}

VX_CALLBACK(Node *, prepare_mutator, (Node * node, Preparation *preparation), (node, preparation))
{
    if (node == nullptr)
        return nullptr;
    if (IsA(node, List) || IsA(node, CaseWhen))
        return pg::mutate_expression(node, prepare_mutator, preparation);
    if (IsA(node, Const)) {
        auto *constant = castNode(Const, node);
        if (!is_inline_constant(constant))
            return make_sent_value(node, preparation->values);
        auto *copy = static_cast<Const *>(copyObjectImpl(constant));
        return pg::is_c_collation(constant->constcollid) ? collate_c(reinterpret_cast<Expr *>(copy))
                                                         : reinterpret_cast<Node *>(copy);
    }
    if (IsA(node, Param) || !is_worker_node(node, preparation->scope))
        return make_sent_value(node, preparation->values);
    if (IsA(node, Var)) {
        auto *var = castNode(Var, node);
        const bool is_excluded =
            preparation->excluded != 0 && static_cast<Index>(var->varno) == preparation->excluded;
        if (!is_excluded && static_cast<Index>(var->varno) != preparation->scope.varno)
            return make_sent_value(node, preparation->values);
        auto *copy = static_cast<Var *>(copyObjectImpl(var));
        copy->varno = is_excluded ? kExcluded : kTarget;
        copy->varnosyn = copy->varno;
        copy->varattnosyn = copy->varattno;
        return reinterpret_cast<Node *>(copy);
    }
    if (IsA(node, RelabelType)) {
        auto *relabel = castNode(RelabelType, node);
        auto *copy =
            castNode(RelabelType, pg::mutate_expression(node, prepare_mutator, preparation));
        const bool says_c =
            pg::is_c_collation(relabel->resultcollid) &&
            !pg::is_c_collation(exprCollation(reinterpret_cast<Node *>(relabel->arg)));
        return says_c ? collate_c(reinterpret_cast<Expr *>(copy)) : reinterpret_cast<Node *>(copy);
    }
    return pg::mutate_expression(node, prepare_mutator, preparation);
}

RangeTblEntry *
make_relation_entry(Oid relation, const char *alias)
{
    auto *entry = makeNode(RangeTblEntry);
    entry->rtekind = RTE_RELATION;
    entry->relid = relation;
    entry->relkind = RELKIND_RELATION;
    entry->rellockmode = AccessShareLock;
    entry->alias = makeAlias(alias, NIL);
    entry->eref = entry->alias;
    return entry;
}

/// A context of two relations can only be had as that of a plan.
List *
make_conflict_context(Oid relation)
{
    auto *plan = makeNode(PlannedStmt);
    plan->rtable =
        list_make2(make_relation_entry(relation, "t"), make_relation_entry(relation, "excluded"));
    return deparse_context_for_plan_tree(plan, list_make2(pstrdup("t"), pstrdup("excluded")));
}

int
find_expression(List *expressions, Expr *expression)
{
    int i = 0;
    ListCell *cell;
    foreach (cell, expressions) {
        if (equal(lfirst(cell), expression))
            return i;
        i++;
    }
    return -1;
}

void
set_for_deparse(const char *name, const char *value)
{
    set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

} // namespace

int
add_value(ValueList *values, Expr *expression)
{
    const int found = find_expression(values->expressions, expression);
    if (found >= 0)
        return found;
    values->expressions = lappend(values->expressions, expression);
    return list_length(values->expressions) - 1;
}

int
add_sent_value(ValueList *values, Expr *expression)
{
    const int index = add_value(values, expression);
    int n = 1;
    ListCell *cell;
    foreach (cell, values->sent) {
        if (lfirst_int(cell) == index)
            return n;
        n++;
    }
    values->sent = lappend_int(values->sent, index);
    return n;
}

int
begin_deparse()
{
    const int nest = NewGUCNestLevel();
    set_for_deparse("search_path", "pg_catalog");
    set_for_deparse("datestyle", "ISO");
    set_for_deparse("intervalstyle", "postgres");
    set_for_deparse("extra_float_digits", "3");
    set_for_deparse("quote_all_identifiers", "off");
    return nest;
}

void
end_deparse(int nest)
{
    AtEOXact_GUC(true, nest);
}

char *
deparse_for_worker(Node *expression, Oid relation, Index varno, ValueList *values)
{
    Preparation preparation = {{varno, nullptr}, 0, values};
    return deparse_expression(prepare_mutator(expression, &preparation),
                              deparse_context_for("t", relation), true, true);
}

char *
deparse_conflict_for_worker(Node *expression, Oid relation, Index varno, Index excluded,
                            ValueList *values)
{
    Preparation preparation = {{varno, bms_make_singleton(excluded)}, excluded, values};
    return deparse_expression(prepare_mutator(expression, &preparation),
                              make_conflict_context(relation), true, true);
}

char *
deparse_conditions_for_worker(List *conditions, Oid relation, Index varno, ValueList *values)
{
    if (conditions == NIL)
        return nullptr;
    return deparse_for_worker(reinterpret_cast<Node *>(make_ands_explicit(conditions)), relation,
                              varno, values);
}

} // namespace vecmesh
