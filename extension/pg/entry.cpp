// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "pg/entry.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

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
    // Truncation may have cut a character in two, which no client could be sent.
    const int length = int(std::strlen(report.text));
    const int whole = pg_mbcliplen(report.text, length, length);
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg_internal("%.*s", whole, report.text)));
    pg_unreachable();
}

} // namespace pg::detail
