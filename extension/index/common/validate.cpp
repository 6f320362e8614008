// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/validate.hpp"

extern "C" {
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

#include "index/common/operator_class.hpp"

#include <initializer_list>

namespace vx::index
{

constexpr int kOrderStrategy = 1;

bool
complain(const ClassParts &parts, const char *object, int number, const char *what)
{
    ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                   errmsg("%s operator family %s contains %s with %s %d", parts.method,
                          parts.family, object, what, number)));
    return false;
}

static bool
has_right_signature(Form_pg_amproc procedure, Oid type)
{
    switch (procedure->amprocnum) {
    case kDistanceProc:
    case kTrainDistanceProc:
        return check_amproc_signature(procedure->amproc, FLOAT8OID, false, 2, 2, type, type);
    case kNormProc:
    case kTrainNormProc:
        return check_amproc_signature(procedure->amproc, FLOAT8OID, false, 1, 1, type);
    default:
        return check_amproc_signature(procedure->amproc, INTERNALOID, false, 1, 1, INTERNALOID);
    }
}

static bool
check_procedures(const ClassParts &parts)
{
    bool valid = true;
    for (int i = 0; i < parts.procedures->n_members; i++) {
        auto procedure =
            reinterpret_cast<Form_pg_amproc>(GETSTRUCT(&parts.procedures->members[i]->tuple));
        const int number = procedure->amprocnum;
        const char *name = format_procedure(procedure->amproc);
        if (procedure->amproclefttype != procedure->amprocrighttype)
            valid = complain(parts, name, number, "cross-type registration for support number");
        if (procedure->amproclefttype != parts.type)
            continue;
        if (number < 1 || number > kSupportProcCount)
            valid = complain(parts, name, number, "invalid support number");
        else if (!has_right_signature(procedure, parts.type))
            valid = complain(parts, name, number, "wrong signature for support number");
    }
    return valid;
}

static bool
check_operators(const ClassParts &parts)
{
    bool valid = true;
    for (int i = 0; i < parts.operators->n_members; i++) {
        auto entry = reinterpret_cast<Form_pg_amop>(GETSTRUCT(&parts.operators->members[i]->tuple));
        const int strategy = entry->amopstrategy;
        const char *name = format_operator(entry->amopopr);
        if (strategy != kOrderStrategy)
            valid = complain(parts, name, strategy, "invalid strategy number");
        if (entry->amoppurpose != AMOP_ORDER ||
            !check_amop_signature(entry->amopopr, FLOAT8OID, entry->amoplefttype,
                                  entry->amoprighttype) ||
            !opfamily_can_sort_type(entry->amopsortfamily, FLOAT8OID))
            valid = complain(parts, name, strategy,
                             "something else than an ordering by float8 for strategy number");
    }
    return valid;
}

/// The class itself must have a distance, a training distance and its operator.
static bool
check_complete(const ClassParts &parts)
{
    uint64 functions = 0;
    uint64 strategies = 0;
    ListCell *cell;
    foreach (cell, identify_opfamily_groups(parts.operators, parts.procedures)) {
        auto *group = static_cast<OpFamilyOpFuncGroup *>(lfirst(cell));
        if (group->lefttype == parts.type && group->righttype == parts.type) {
            functions = group->functionset;
            strategies = group->operatorset;
        }
    }

    bool valid = true;
    for (int number : {kDistanceProc, kTrainDistanceProc})
        if (!(functions & (UINT64CONST(1) << number))) {
            ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                           errmsg("%s operator class %s is missing support function %d",
                                  parts.method, parts.name, number)));
            valid = false;
        }
    if (!(strategies & (UINT64CONST(1) << kOrderStrategy))) {
        ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                       errmsg("%s operator class %s is missing its ordering operator", parts.method,
                              parts.name)));
        valid = false;
    }
    return valid;
}

bool
validate_ordering_class(const ClassParts &parts)
{
    bool valid = check_procedures(parts);
    valid &= check_operators(parts);
    valid &= check_complete(parts);
    return valid;
}

ClassParts
open_class(Oid operator_class, const char *method)
{
    HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(operator_class));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for operator class %u", operator_class);
    auto form = reinterpret_cast<Form_pg_opclass>(GETSTRUCT(tuple));
    const Oid family = form->opcfamily;
    ClassParts parts;
    parts.method = method;
    parts.name = pstrdup(NameStr(form->opcname));
    parts.type = form->opcintype;
    ReleaseSysCache(tuple);

    HeapTuple family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
    if (!HeapTupleIsValid(family_tuple))
        elog(ERROR, "cache lookup failed for operator family %u", family);
    parts.family =
        pstrdup(NameStr(reinterpret_cast<Form_pg_opfamily>(GETSTRUCT(family_tuple))->opfname));
    ReleaseSysCache(family_tuple);

    parts.operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
    parts.procedures = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
    return parts;
}

void
close_class(const ClassParts &parts)
{
    ReleaseCatCacheList(parts.procedures);
    ReleaseCatCacheList(parts.operators);
}

} // namespace vx::index
