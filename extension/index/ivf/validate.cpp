// SPDX-License-Identifier: PostgreSQL
//
// What the access method says about itself: amvalidate, whether an operator class can work with it
// (complaints are INFO messages, as of PostgreSQL's own access methods), and amproperty.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

#include "index/common/operator_class.hpp"
#include "index/ivf/callbacks.hpp"
#include "pg/entry.hpp"

namespace vx::ivf
{

constexpr int kOrderStrategy = 1;

static bool
complain(const char *family, const char *object, int number, const char *what)
{
    ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                   errmsg("ivfflat operator family %s contains %s with %s %d", family, object, what,
                          number)));
    return false;
}

static bool
has_right_signature(Form_pg_amproc procedure, Oid type)
{
    switch (procedure->amprocnum) {
    case index::kDistanceProc:
    case index::kTrainDistanceProc:
        return check_amproc_signature(procedure->amproc, FLOAT8OID, false, 2, 2, type, type);
    case index::kNormProc:
    case index::kTrainNormProc:
        return check_amproc_signature(procedure->amproc, FLOAT8OID, false, 1, 1, type);
    default:
        return check_amproc_signature(procedure->amproc, INTERNALOID, false, 1, 1, INTERNALOID);
    }
}

static bool
check_procedures(const char *family, Oid type, CatCList *procedures)
{
    bool valid = true;
    for (int i = 0; i < procedures->n_members; i++) {
        auto procedure =
            reinterpret_cast<Form_pg_amproc>(GETSTRUCT(&procedures->members[i]->tuple));
        const int number = procedure->amprocnum;
        const char *name = format_procedure(procedure->amproc);
        if (procedure->amproclefttype != procedure->amprocrighttype)
            valid = complain(family, name, number, "cross-type registration for support number");
        if (procedure->amproclefttype != type)
            continue;
        if (number < 1 || number > index::kSupportProcCount)
            valid = complain(family, name, number, "invalid support number");
        else if (!has_right_signature(procedure, type))
            valid = complain(family, name, number, "wrong signature for support number");
    }
    return valid;
}

static bool
check_operators(const char *family, CatCList *operators)
{
    bool valid = true;
    for (int i = 0; i < operators->n_members; i++) {
        auto entry = reinterpret_cast<Form_pg_amop>(GETSTRUCT(&operators->members[i]->tuple));
        const int strategy = entry->amopstrategy;
        const char *name = format_operator(entry->amopopr);
        if (strategy != kOrderStrategy)
            valid = complain(family, name, strategy, "invalid strategy number");
        if (entry->amoppurpose != AMOP_ORDER ||
            !check_amop_signature(entry->amopopr, FLOAT8OID, entry->amoplefttype,
                                  entry->amoprighttype) ||
            !opfamily_can_sort_type(entry->amopsortfamily, FLOAT8OID))
            valid = complain(family, name, strategy,
                             "something else than an ordering by float8 for strategy number");
    }
    return valid;
}

/// The class itself must have a distance, a training distance and its operator.
static bool
check_complete(const char *name, Oid type, CatCList *operators, CatCList *procedures)
{
    uint64 functions = 0;
    uint64 strategies = 0;
    ListCell *cell;
    foreach (cell, identify_opfamily_groups(operators, procedures)) {
        auto *group = static_cast<OpFamilyOpFuncGroup *>(lfirst(cell));
        if (group->lefttype == type && group->righttype == type) {
            functions = group->functionset;
            strategies = group->operatorset;
        }
    }

    bool valid = true;
    for (int number : {index::kDistanceProc, index::kTrainDistanceProc})
        if (!(functions & (UINT64CONST(1) << number))) {
            ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                           errmsg("ivfflat operator class %s is missing support function %d", name,
                                  number)));
            valid = false;
        }
    if (!(strategies & (UINT64CONST(1) << kOrderStrategy))) {
        ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                       errmsg("ivfflat operator class %s is missing its ordering operator", name)));
        valid = false;
    }
    return valid;
}

VX_CALLBACK(bool, ivf_validate, (Oid operator_class), (operator_class))
{
    HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(operator_class));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for operator class %u", operator_class);
    auto form = reinterpret_cast<Form_pg_opclass>(GETSTRUCT(tuple));
    const Oid type = form->opcintype;
    const Oid family = form->opcfamily;
    const char *name = pstrdup(NameStr(form->opcname));
    ReleaseSysCache(tuple);

    HeapTuple family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
    if (!HeapTupleIsValid(family_tuple))
        elog(ERROR, "cache lookup failed for operator family %u", family);
    const char *family_name =
        pstrdup(NameStr(reinterpret_cast<Form_pg_opfamily>(GETSTRUCT(family_tuple))->opfname));
    ReleaseSysCache(family_tuple);

    CatCList *operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
    CatCList *procedures = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
    bool valid = check_procedures(family_name, type, procedures);
    valid &= check_operators(family_name, operators);
    valid &= check_complete(name, type, operators, procedures);
    ReleaseCatCacheList(procedures);
    ReleaseCatCacheList(operators);
    return valid;
}

/// Every column of such an index gives its rows by distance; PostgreSQL cannot know that by itself.
VX_CALLBACK(bool, ivf_property,
            (Oid /* index */, int attribute, IndexAMProperty property, const char * /* name */,
             bool *result, bool *isnull),
            (InvalidOid, attribute, property, nullptr, result, isnull))
{
    if (property != AMPROP_DISTANCE_ORDERABLE || attribute == 0)
        return false;
    *result = true;
    *isnull = false;
    return true;
}

void
install_validate(IndexAmRoutine *routine)
{
    routine->amvalidate = ivf_validate;
    routine->amproperty = ivf_property;
}

} // namespace vx::ivf
