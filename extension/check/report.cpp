// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/check.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

namespace vx::check
{

void
report(Check *check, int64 block, int64 list, const char *kind, const char *format, ...)
{
    StringInfoData detail;
    initStringInfo(&detail);
    for (;;) {
        va_list arguments;
        va_start(arguments, format);
        const int needed = appendStringInfoVA(&detail, format, arguments);
        va_end(arguments);
        if (needed == 0)
            break;
        enlargeStringInfo(&detail, needed);
    }
    Datum values[] = {Int64GetDatum(block), Int64GetDatum(list), CStringGetTextDatum(kind),
                      CStringGetTextDatum(detail.data)};
    bool nulls[] = {block == kNone, list == kNone, false, false};
    tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
    pfree(detail.data);
    check->problems++;
}

} // namespace vx::check
