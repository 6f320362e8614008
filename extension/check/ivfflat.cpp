// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/check.hpp"

namespace vx::check
{

void
check_ivfflat(Check *check)
{
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("index \"%s\" cannot be checked", RelationGetRelationName(check->index))));
}

} // namespace vx::check
