// SPDX-License-Identifier: PostgreSQL
//
// Shippable expressions. The whitelist of node types is short on purpose: what is not in it is
// evaluated on the coordinator, which is slower and never wrong. planner/README.md, rules 1 to 5.
#include "pg/postgres.hpp"

#include "planner/shippable.hpp"

#include "pg/compat.hpp"
#include "pg/entry.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace vecmesh
{

namespace
{

// ----- membership in extension "vector", remembered per object --------------------------------

struct MemberKey {
    Oid class_id;
    Oid object_id;
};

struct MemberEntry {
    MemberKey key;
    bool is_member;
};

HTAB *member_cache = nullptr;

HTAB *
open_member_cache()
{
    if (member_cache == nullptr) {
        HASHCTL control = {};
        control.keysize = sizeof(MemberKey);
        control.entrysize = sizeof(MemberEntry);
        member_cache = hash_create("vecmesh: members of extension vector", 256, &control,
                                   HASH_ELEM | HASH_BLOBS);
    }
    return member_cache;
}

VX_CALLBACK(void, forget_members, (Datum argument, int cache_id, uint32 hash_value),
            (argument, cache_id, hash_value))
{
    (void)argument;
    (void)cache_id;
    (void)hash_value;
    if (member_cache == nullptr)
        return;
    HASH_SEQ_STATUS sequence;
    hash_seq_init(&sequence, member_cache);
    while (auto *entry = static_cast<MemberEntry *>(hash_seq_search(&sequence)))
        hash_search(member_cache, &entry->key, HASH_REMOVE, nullptr);
}

bool
is_vector_member(Oid class_id, Oid object_id)
{
    const MemberKey key = {class_id, object_id};
    auto *entry =
        static_cast<MemberEntry *>(hash_search(open_member_cache(), &key, HASH_FIND, nullptr));
    if (entry == nullptr) {
        const Oid extension = get_extension_oid("vector", true);
        const bool is_member =
            OidIsValid(extension) && getExtensionOfObject(class_id, object_id) == extension;
        // the catalog reads above may have processed an invalidation: enter only now
        entry =
            static_cast<MemberEntry *>(hash_search(open_member_cache(), &key, HASH_ENTER, nullptr));
        entry->is_member = is_member;
    }
    return entry->is_member;
}

/// Objects below this oid were made by initdb from the same source on every node.
bool
is_builtin(Oid object)
{
    return object < FirstGenbkiObjectId;
}

/// Types whose values name objects of one database, or whose text form depends on the locale.
bool
is_local_meaning(Oid type)
{
    switch (type) {
    case REGPROCOID:
    case REGPROCEDUREOID:
    case REGOPEROID:
    case REGOPERATOROID:
    case REGCLASSOID:
    case REGTYPEOID:
    case REGROLEOID:
    case REGNAMESPACEOID:
    case REGCONFIGOID:
    case REGDICTIONARYOID:
    case REGCOLLATIONOID:
    case MONEYOID:
        return true;
    default:
        return OidIsValid(get_element_type(type)) && is_local_meaning(get_element_type(type));
    }
}

bool
is_shippable_collation(Oid collation)
{
    return !OidIsValid(collation) || collation == DEFAULT_COLLATION_OID ||
           pg::is_c_collation(collation);
}

// ----- the walk --------------------------------------------------------------------------------

struct Walk {
    ShipScope scope;
    bool conditional; ///< below a node that may skip its arguments
};

bool ship(Node *node, const Walk &walk);

bool
ship_list(List *list, const Walk &walk)
{
    ListCell *cell;
    foreach (cell, list) {
        if (!ship(static_cast<Node *>(lfirst(cell)), walk))
            return false;
    }
    return true;
}

/// The worker derives an operator's collation anew from its arguments: C when one of them has it,
/// else the database's. Refuse whatever was derived in another way here (COLLATE "default", say).
bool
collation_is_rederived(Oid input_collation, List *arguments)
{
    bool any_c = false;
    ListCell *cell;
    foreach (cell, arguments) {
        const Oid collation = exprCollation(static_cast<Node *>(lfirst(cell)));
        if (!is_shippable_collation(collation))
            return false;
        any_c = any_c || pg::is_c_collation(collation);
    }
    if (!OidIsValid(input_collation))
        return true;
    return is_shippable_collation(input_collation) && pg::is_c_collation(input_collation) == any_c;
}

bool
ship_call(Oid function, Oid input_collation, List *arguments, const Walk &walk)
{
    return is_shippable_function(function) && collation_is_rederived(input_collation, arguments) &&
           ship_list(arguments, walk);
}

bool
ship_operator(const OpExpr *op, const Walk &walk)
{
    return is_shippable_operator(op->opno) &&
           ship_call(get_opcode(op->opno), op->inputcollid, op->args, walk);
}

bool
ship_io_conversion(const CoerceViaIO *cast, const Walk &walk)
{
    Oid output = InvalidOid;
    Oid input = InvalidOid;
    Oid element = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(exprType(reinterpret_cast<Node *>(cast->arg)), &output, &is_varlena);
    getTypeInputInfo(cast->resulttype, &input, &element);
    return is_shippable_function(output) && is_shippable_function(input) &&
           is_shippable_collation(cast->resultcollid) &&
           ship(reinterpret_cast<Node *>(cast->arg), walk);
}

bool
ship_case(const CaseExpr *expression, Walk walk)
{
    walk.conditional = true;
    if (!ship(reinterpret_cast<Node *>(expression->arg), walk) ||
        !ship(reinterpret_cast<Node *>(expression->defresult), walk))
        return false;
    ListCell *cell;
    foreach (cell, expression->args) {
        const CaseWhen *when = lfirst_node(CaseWhen, cell);
        if (!ship(reinterpret_cast<Node *>(when->expr), walk) ||
            !ship(reinterpret_cast<Node *>(when->result), walk))
            return false;
    }
    return true;
}

/// Only a relabelling that leaves the collation alone, or explicitly sets "C", can be written down.
bool
ship_relabel(const RelabelType *relabel, const Walk &walk)
{
    const Oid before = exprCollation(reinterpret_cast<Node *>(relabel->arg));
    if (!is_shippable_collation(relabel->resultcollid))
        return false;
    if (OidIsValid(before) && pg::is_c_collation(before) &&
        !pg::is_c_collation(relabel->resultcollid))
        return false;
    return ship(reinterpret_cast<Node *>(relabel->arg), walk);
}

bool
ship_variable(const Var *var, const Walk &walk)
{
    if (var->varlevelsup != 0)
        return false;
    if (static_cast<Index>(var->varno) == walk.scope.varno)
        return var->varattno > 0;
    return bms_is_member(var->varno, walk.scope.outer) && is_shippable_collation(var->varcollid);
}

bool
ship_parameter(const Param *param)
{
    return (param->paramkind == PARAM_EXTERN || param->paramkind == PARAM_EXEC) &&
           is_shippable_collation(param->paramcollid);
}

/// The node itself is one that a worker can compute, and so are its arguments.
bool
ship_node(Node *node, const Walk &walk)
{
    switch (nodeTag(node)) {
    case T_Var:
        return ship_variable(castNode(Var, node), walk);
    case T_Const:
        return is_shippable_collation(castNode(Const, node)->constcollid);
    case T_Param:
        return ship_parameter(castNode(Param, node));
    case T_CaseTestExpr:
        return true;
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr: // these three are one struct
        return ship_operator(reinterpret_cast<OpExpr *>(node), walk);
    case T_ScalarArrayOpExpr: {
        const auto *op = castNode(ScalarArrayOpExpr, node);
        return is_shippable_operator(op->opno) &&
               ship_call(get_opcode(op->opno), op->inputcollid, op->args, walk);
    }
    case T_FuncExpr: {
        const auto *call = castNode(FuncExpr, node);
        return !call->funcretset && !call->funcvariadic &&
               ship_call(call->funcid, call->inputcollid, call->args, walk);
    }
    case T_BoolExpr: // PostgreSQL promises no order of evaluation for AND and OR
        return ship_list(castNode(BoolExpr, node)->args, walk);
    case T_NullTest:
        return !castNode(NullTest, node)->argisrow &&
               ship(reinterpret_cast<Node *>(castNode(NullTest, node)->arg), walk);
    case T_BooleanTest:
        return ship(reinterpret_cast<Node *>(castNode(BooleanTest, node)->arg), walk);
    case T_RelabelType:
        return ship_relabel(castNode(RelabelType, node), walk);
    case T_CollateExpr:
        return pg::is_c_collation(castNode(CollateExpr, node)->collOid) &&
               ship(reinterpret_cast<Node *>(castNode(CollateExpr, node)->arg), walk);
    case T_CoerceViaIO:
        return ship_io_conversion(castNode(CoerceViaIO, node), walk);
    case T_ArrayExpr:
        return is_shippable_collation(castNode(ArrayExpr, node)->array_collid) &&
               ship_list(castNode(ArrayExpr, node)->elements, walk);
    case T_CaseExpr:
        return is_shippable_collation(castNode(CaseExpr, node)->casecollid) &&
               ship_case(castNode(CaseExpr, node), walk);
    case T_CoalesceExpr: {
        Walk inner = walk;
        inner.conditional = true;
        return collation_is_rederived(castNode(CoalesceExpr, node)->coalescecollid,
                                      castNode(CoalesceExpr, node)->args) &&
               ship_list(castNode(CoalesceExpr, node)->args, inner);
    }
    case T_MinMaxExpr:
        return collation_is_rederived(castNode(MinMaxExpr, node)->inputcollid,
                                      castNode(MinMaxExpr, node)->args) &&
               ship_list(castNode(MinMaxExpr, node)->args, walk);
    default:
        return false;
    }
}

bool
ship(Node *node, const Walk &walk)
{
    if (node == nullptr)
        return true;
    // a column keeps whatever type it has: the worker's shard has the same
    if (!IsA(node, Var) && !is_shippable_type(exprType(node)))
        return false;
    if (ship_node(node, walk))
        return true;
    return !walk.conditional && is_value(node, walk.scope);
}

struct MentionContext {
    Index varno;
};

VX_CALLBACK(bool, mentions_walker, (Node * node, MentionContext *context), (node, context))
{
    if (node == nullptr)
        return false;
    if (const auto *var = reinterpret_cast<Var *>(node); IsA(node, Var))
        return var->varlevelsup == 0 && static_cast<Index>(var->varno) == context->varno;
    return pg::walk_expression(node, mentions_walker, context);
}

/// Finds what keeps an expression from being a value: a column of this or an unknown relation, a
/// subplan, anything that only an upper plan node can evaluate.
VX_CALLBACK(bool, not_value_walker, (Node * node, const ShipScope *scope), (node, scope))
{
    if (node == nullptr)
        return false;
    switch (nodeTag(node)) {
    case T_Var: {
        const auto *var = castNode(Var, node);
        return var->varlevelsup != 0 || var->varattno <= 0 ||
               !bms_is_member(var->varno, scope->outer);
    }
    case T_Param: {
        const auto *param = castNode(Param, node);
        return param->paramkind != PARAM_EXTERN && param->paramkind != PARAM_EXEC;
    }
    case T_SubPlan:
    case T_AlternativeSubPlan:
    case T_SubLink:
    case T_Aggref:
    case T_GroupingFunc:
    case T_WindowFunc:
    case T_PlaceHolderVar:
    case T_CaseTestExpr:
    case T_CurrentOfExpr:
    case T_SetToDefault:
    case T_NextValueExpr:
        return true;
    default:
        return pg::walk_expression(node, not_value_walker, scope);
    }
}

} // namespace

bool
is_shippable_type(Oid type)
{
    if (is_builtin(type))
        return !is_local_meaning(type) && get_typtype(type) != TYPTYPE_PSEUDO;
    return is_vector_member(TypeRelationId, type);
}

bool
is_shippable_function(Oid function)
{
    return (is_builtin(function) || is_vector_member(ProcedureRelationId, function)) &&
           func_volatile(function) == PROVOLATILE_IMMUTABLE;
}

bool
is_shippable_operator(Oid op)
{
    return is_builtin(op) || is_vector_member(OperatorRelationId, op);
}

bool
travels_binary(Oid type)
{
    return is_shippable_type(type) && type != UNKNOWNOID;
}

bool
is_shippable(Node *expression, const ShipScope &scope)
{
    return ship(expression, Walk{scope, false});
}

bool
is_value(Node *expression, const ShipScope &scope)
{
    return is_shippable_type(exprType(expression)) &&
           is_shippable_collation(exprCollation(expression)) &&
           !expression_returns_set(expression) && !not_value_walker(expression, &scope) &&
           !contain_volatile_functions(expression);
}

bool
is_worker_node(Node *expression, const ShipScope &scope)
{
    return ship_node(expression, Walk{scope, false});
}

bool
mentions_relation(Node *expression, Index varno)
{
    MentionContext context = {varno};
    return mentions_walker(expression, &context);
}

bool
is_conditional(Node *expression)
{
    switch (nodeTag(expression)) {
    case T_CaseExpr:
    case T_CoalesceExpr:
        return true;
    case T_BoolExpr:
        return castNode(BoolExpr, expression)->boolop != NOT_EXPR;
    default:
        return false;
    }
}

void
register_shippable_callbacks()
{
    CacheRegisterSyscacheCallback(PROCOID, forget_members, 0);
    CacheRegisterSyscacheCallback(OPEROID, forget_members, 0);
    CacheRegisterSyscacheCallback(TYPEOID, forget_members, 0);
}

} // namespace vecmesh
