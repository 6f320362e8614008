// SPDX-License-Identifier: PostgreSQL
//
// Records for people: pg_walinspect, and the context of an error during replay. May be shown a
// record that redo then refuses.
#include "pg/postgres.hpp"

#include "wal_hooks/records.hpp"
#include "wal_hooks/resource_manager.hpp"
#include "wal_hooks/row.hpp"

namespace vx::wal
{

static void
describe_block(StringInfo out, XLogReaderState *record, uint8 block)
{
    const BlockDelta delta = block_delta(record, block);
    appendStringInfo(out, "%sblock %u: ", block > 0 ? "; " : "", block);
    if (delta.image) {
        appendStringInfoString(out, "image");
        return;
    }
    DeltaReader reader(delta.delta, delta.length, kPageBounds);
    Step step;
    int steps = 0;
    while (reader.next(&step))
        steps++;
    appendStringInfo(out, "%s%d steps in %zu bytes", delta.will_init ? "init, " : "", steps,
                     delta.length);
    if (reader.error() != nullptr)
        appendStringInfo(out, ", then %s", reader.error());
}

void
describe_edit(StringInfo out, XLogReaderState *record)
{
    for (int i = 0; i <= XLogRecMaxBlockId(record); i++)
        if (XLogRecHasBlockRef(record, i))
            describe_block(out, record, static_cast<uint8>(i));
}

void
describe_row(StringInfo out, XLogReaderState *record)
{
    LoggedRow logged;
    const Size length = XLogRecGetDataLen(record);
    if (const char *error = read_row(XLogRecGetData(record), length, &logged)) {
        appendStringInfo(out, "no row: %s", error);
        return;
    }
    const Row &row = logged.row;
    appendStringInfo(out, "row (%u,%u) in slot %u of slice %u, record %u%s, in %zu bytes",
                     ItemPointerGetBlockNumberNoCheck(&row.tid),
                     ItemPointerGetOffsetNumberNoCheck(&row.tid), row.slot, row.slice, row.record,
                     row.new_fine_page ? " of a new page" : "", length);
}

void
describe(StringInfo out, XLogReaderState *record)
{
    if (const RecordType *type = find_record_type(XLogRecGetInfo(record)))
        type->describe(out, record);
}

const char *
identify(uint8 info)
{
    const RecordType *type = find_record_type(info);
    return type != nullptr ? type->name : nullptr;
}

} // namespace vx::wal
