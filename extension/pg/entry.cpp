// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "pg/entry.hpp"

namespace pg::detail
{

void
raise(const Report &report)
{
    InterruptHoldoffCount = 0;
    QueryCancelHoldoffCount = 0;

    switch (report.kind) {
    case Report::Kind::rethrow:
        PG_RE_THROW();
    case Report::Kind::out_of_memory:
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    case Report::Kind::internal:
        break;
    }
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg_internal("%s", report.text)));
    pg_unreachable();
}

} // namespace pg::detail
