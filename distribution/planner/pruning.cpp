// SPDX-License-Identifier: PostgreSQL
//
// Shard pruning: planner/README.md, rule 6. Hash functions of one operator family agree across
// types (hash of int4 5 = hash of int8 5), so the value is hashed with the function of its own type
// and never needs a cast that could overflow.
#include "pg/postgres.hpp"

#include "planner/pruning.hpp"

#include "planner/shippable.hpp"

extern "C" {
#include "access/hash.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace vecmesh
{

namespace
{

enum PruningKind { kNone, kEqual, kAnyOf, kAnd, kOr };

struct Pruner {
    const DistributedTable *table;
    Index varno;
    ValueList *values;
    Oid family; // of the distribution column's default hash operator class
};

List *make_tree(Pruner *pruner, Node *condition);

Node *
strip_relabels(Node *node)
{
    while (node != nullptr && IsA(node, RelabelType))
        node = reinterpret_cast<Node *>(castNode(RelabelType, node)->arg);
    return node;
}

bool
is_distribution_column(const Pruner *pruner, Node *node)
{
    node = strip_relabels(node);
    if (node == nullptr || !IsA(node, Var))
        return false;
    const auto *var = castNode(Var, node);
    return static_cast<Index>(var->varno) == pruner->varno && var->varlevelsup == 0 &&
           var->varattno == pruner->table->column;
}

/// Equality under a nondeterministic collation holds between values that hash differently.
bool
is_bytewise(Oid collation)
{
    return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/// The extended hash function for the other side of `column = value`, or InvalidOid when the
/// operator is not the family's equality.
Oid
hash_for(const Pruner *pruner, Oid op, bool column_is_left, Oid collation)
{
    if (!OidIsValid(pruner->family) ||
        get_op_opfamily_strategy(op, pruner->family) != HTEqualStrategyNumber)
        return InvalidOid;
    if (collation != pruner->table->column_collation &&
        !(is_bytewise(collation) && is_bytewise(pruner->table->column_collation)))
        return InvalidOid;
    Oid left = InvalidOid;
    Oid right = InvalidOid;
    op_input_types(op, &left, &right);
    const Oid type = column_is_left ? right : left;
    return get_opfamily_proc(pruner->family, type, type, HASHEXTENDED_PROC);
}

bool
is_known_at_start(Node *node)
{
    return !contain_var_clause(node) && !contain_volatile_functions(node) &&
           !contain_subplans(node);
}

List *
make_equality(Pruner *pruner, const OpExpr *op)
{
    if (list_length(op->args) != 2)
        return NIL;
    auto *left = static_cast<Node *>(linitial(op->args));
    auto *right = static_cast<Node *>(lsecond(op->args));
    const bool column_is_left = is_distribution_column(pruner, left);
    if (!column_is_left && !is_distribution_column(pruner, right))
        return NIL;
    Node *value = column_is_left ? right : left;
    const Oid hash = hash_for(pruner, op->opno, column_is_left, op->inputcollid);
    if (!OidIsValid(hash) || !is_known_at_start(value))
        return NIL;
    const int index = add_value(pruner->values, reinterpret_cast<Expr *>(value));
    return list_make3_int(kEqual, index, static_cast<int>(hash));
}

List *
make_any_of(Pruner *pruner, const ScalarArrayOpExpr *op)
{
    auto *array = static_cast<Node *>(lsecond(op->args));
    if (!op->useOr || !is_distribution_column(pruner, static_cast<Node *>(linitial(op->args))))
        return NIL;
    const Oid hash = hash_for(pruner, op->opno, true, op->inputcollid);
    if (!OidIsValid(hash) || !is_known_at_start(array))
        return NIL;
    const int index = add_value(pruner->values, reinterpret_cast<Expr *>(array));
    return list_make3_int(kAnyOf, index, static_cast<int>(hash));
}

List *
make_and(Pruner *pruner, List *conditions)
{
    List *children = NIL;
    ListCell *cell;
    foreach (cell, conditions) {
        List *child = make_tree(pruner, static_cast<Node *>(lfirst(cell)));
        if (child != NIL)
            children = lappend(children, child);
    }
    if (list_length(children) <= 1)
        return children == NIL ? NIL : static_cast<List *>(linitial(children));
    return lcons(makeInteger(kAnd), children);
}

List *
make_or(Pruner *pruner, List *conditions)
{
    List *children = NIL;
    ListCell *cell;
    foreach (cell, conditions) {
        List *child = make_tree(pruner, static_cast<Node *>(lfirst(cell)));
        if (child == NIL)
            return NIL;
        children = lappend(children, child);
    }
    return lcons(makeInteger(kOr), children);
}

List *
make_tree(Pruner *pruner, Node *condition)
{
    if (condition == nullptr)
        return NIL;
    switch (nodeTag(condition)) {
    case T_OpExpr:
        return make_equality(pruner, castNode(OpExpr, condition));
    case T_ScalarArrayOpExpr:
        return make_any_of(pruner, castNode(ScalarArrayOpExpr, condition));
    case T_BoolExpr: {
        auto *expression = castNode(BoolExpr, condition);
        if (expression->boolop == AND_EXPR)
            return make_and(pruner, expression->args);
        return expression->boolop == OR_EXPR ? make_or(pruner, expression->args) : NIL;
    }
    case T_NullTest: {
        auto *test = castNode(NullTest, condition);
        const bool never = test->nulltesttype == IS_NULL &&
                           is_distribution_column(pruner, reinterpret_cast<Node *>(test->arg));
        return never ? list_make1_int(kNone) : NIL;
    }
    default:
        return NIL;
    }
}

// ----- at execution ----------------------------------------------------------------------------

struct Known {
    const DistributedTable *table;
    const Datum *data;
    const bool *nulls;
};

void
add_shard_of(const Known &known, Oid hash, Datum value, bool *keep)
{
    const int64 code = DatumGetInt64(OidFunctionCall2Coll(hash, known.table->column_collation,
                                                          value, UInt64GetDatum(kHashSeed)));
    int low = 0; // the last shard whose range starts at or before the code
    int high = known.table->shard_count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (known.table->shards[middle].min_hash <= code)
            low = middle;
        else
            high = middle - 1;
    }
    keep[low] = true;
}

void
add_shards_of_array(const Known &known, Oid hash, Datum value, bool *keep)
{
    ArrayType *array = DatumGetArrayTypeP(value);
    int16 length = 0;
    bool by_value = false;
    char alignment = 0;
    get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
    Datum *elements = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &elements, &nulls,
                      &count);
    for (int i = 0; i < count; i++) {
        if (!nulls[i])
            add_shard_of(known, hash, elements[i], keep);
    }
}

bool *
decide_leaf(const Known &known, const List *leaf)
{
    auto *keep = static_cast<bool *>(palloc0(known.table->shard_count * sizeof(bool)));
    const int kind = linitial_int(leaf);
    if (kind == kNone)
        return keep;
    const int value = lsecond_int(leaf);
    const Oid hash = static_cast<Oid>(lthird_int(leaf));
    if (known.nulls[value])
        return keep; // column = NULL holds for no row
    if (kind == kEqual)
        add_shard_of(known, hash, known.data[value], keep);
    else
        add_shards_of_array(known, hash, known.data[value], keep);
    return keep;
}

bool *
decide(const Known &known, const List *tree)
{
    if (IsA(tree, IntList))
        return decide_leaf(known, tree);
    const bool is_and = intVal(linitial(tree)) == kAnd;
    bool *keep = nullptr;
    for (int i = 1; i < list_length(tree); i++) {
        bool *child = decide(known, static_cast<List *>(list_nth(tree, i)));
        if (keep == nullptr) {
            keep = child;
            continue;
        }
        for (int shard = 0; shard < known.table->shard_count; shard++)
            keep[shard] = is_and ? keep[shard] && child[shard] : keep[shard] || child[shard];
    }
    return keep;
}

} // namespace

List *
make_pruning_tree(const DistributedTable *table, Index varno, List *conditions, ValueList *values)
{
    const Oid type = getBaseType(table->column_type);
    const Oid opclass = GetDefaultOpClass(type, HASH_AM_OID);
    Pruner pruner = {table, varno, values,
                     OidIsValid(opclass) ? get_opclass_family(opclass) : InvalidOid};
    return make_and(&pruner, conditions);
}

bool *
prune_shards(const DistributedTable *table, const List *tree, const Datum *data, const bool *nulls)
{
    if (tree != NIL)
        return decide(Known{table, data, nulls}, tree);
    auto *keep = static_cast<bool *>(palloc(table->shard_count * sizeof(bool)));
    memset(keep, true, table->shard_count * sizeof(bool));
    return keep;
}

bool
pruning_needs_value(const List *tree, int value)
{
    if (tree == NIL)
        return false;
    if (IsA(tree, IntList))
        return list_length(tree) > 1 && lsecond_int(tree) == value;
    for (int i = 1; i < list_length(tree); i++) {
        if (pruning_needs_value(static_cast<List *>(list_nth(tree, i)), value))
            return true;
    }
    return false;
}

} // namespace vecmesh
