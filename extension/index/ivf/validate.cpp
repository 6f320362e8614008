// SPDX-License-Identifier: PostgreSQL
//
// What the access method says about itself: amvalidate, whether an operator class can work with it,
// and amproperty.
#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
}

#include "index/common/validate.hpp"
#include "index/ivf/callbacks.hpp"
#include "pg/entry.hpp"

namespace vx::ivf
{

VX_CALLBACK(bool, ivf_validate, (Oid operator_class), (operator_class))
{
    const index::ClassParts parts = index::open_class(operator_class, "ivfflat");
    const bool valid = index::validate_ordering_class(parts);
    index::close_class(parts);
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
