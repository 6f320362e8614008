// SPDX-License-Identifier: PostgreSQL
//
// What the access method says about itself: amvalidate, whether an operator class can work with it,
// and amproperty.
//
// Scans do not call the operators of a filter class: they compare the values themselves. So these
// must be the operators of the type's order, which btree's default class names.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
}

#include "index/common/validate.hpp"
#include "index/ivfrabitq/callbacks.hpp"
#include "index/ivfrabitq/filter.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

static bool
is_filter_operator(Form_pg_amop entry)
{
    page::FilterKind kind;
    if (entry->amoppurpose != AMOP_SEARCH || !filter_kind(entry->amoplefttype, &kind) ||
        !can_compare(entry->amoplefttype, entry->amoprighttype) ||
        !check_amop_signature(entry->amopopr, BOOLOID, entry->amoplefttype, entry->amoprighttype))
        return false;
    if (kind == page::FilterKind::text_hash && entry->amopstrategy != BTEqualStrategyNumber)
        return false;
    const Oid order = get_opclass_family(GetDefaultOpClass(entry->amoplefttype, BTREE_AM_OID));
    return get_op_opfamily_strategy(entry->amopopr, order) == entry->amopstrategy;
}

static bool
validate_filter_class(const index::ClassParts &parts)
{
    bool valid = true;
    bool has_equality = false;
    for (int i = 0; i < parts.procedures->n_members; i++) {
        auto procedure =
            reinterpret_cast<Form_pg_amproc>(GETSTRUCT(&parts.procedures->members[i]->tuple));
        valid = index::complain(parts, format_procedure(procedure->amproc), procedure->amprocnum,
                                "invalid support number");
    }
    for (int i = 0; i < parts.operators->n_members; i++) {
        auto entry = reinterpret_cast<Form_pg_amop>(GETSTRUCT(&parts.operators->members[i]->tuple));
        if (!is_filter_operator(entry))
            valid = index::complain(parts, format_operator(entry->amopopr), entry->amopstrategy,
                                    "another meaning than btree's for strategy number");
        has_equality |= entry->amopstrategy == BTEqualStrategyNumber &&
                        entry->amoplefttype == parts.type && entry->amoprighttype == parts.type;
    }
    if (!has_equality)
        ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                       errmsg("%s operator class %s is missing its equality operator", parts.method,
                              parts.name)));
    return valid && has_equality;
}

VX_CALLBACK(bool, ivfrabitq_validate, (Oid operator_class), (operator_class))
{
    const index::ClassParts parts = index::open_class(operator_class, "ivfrabitq");
    page::FilterKind kind;
    const bool valid = filter_kind(parts.type, &kind) ? validate_filter_class(parts)
                                                      : index::validate_ordering_class(parts);
    index::close_class(parts);
    return valid;
}

/// The first column gives its rows by distance; PostgreSQL cannot know that by itself.
VX_CALLBACK(bool, ivfrabitq_property,
            (Oid /* index */, int attribute, IndexAMProperty property, const char * /* name */,
             bool *result, bool *isnull),
            (InvalidOid, attribute, property, nullptr, result, isnull))
{
    if (property != AMPROP_DISTANCE_ORDERABLE || attribute == 0)
        return false;
    *result = attribute == 1;
    *isnull = false;
    return true;
}

void
install_validate(IndexAmRoutine *routine)
{
    routine->amvalidate = ivfrabitq_validate;
    routine->amproperty = ivfrabitq_property;
}

} // namespace vx::ivfrabitq
