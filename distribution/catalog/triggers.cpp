// SPDX-License-Identifier: PostgreSQL
//
// The trigger function of all catalog tables: whoever changes them, a function of ours or an
// administrator by hand, every session hears of it.
#include "pg/postgres.hpp"

#include "catalog/oids.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

#include "pg/entry.hpp"

namespace
{

/// Makes plans over the table whose row this is be planned again.
void
invalidate_relation(HeapTuple row, TupleDesc description)
{
    if (row == nullptr)
        return;

    bool is_null;
    const Oid relation = DatumGetObjectId(heap_getattr(row, 1, description, &is_null));

    if (!is_null && SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)))
        CacheInvalidateRelcacheByRelid(relation);
}

} // namespace

VX_FUNCTION(vecmesh_catalog_changed)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("vecmesh.catalog_changed() may only be called as a trigger")));

    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    Relation catalog = trigger->tg_relation;

    CacheInvalidateRelcache(catalog);
    if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event)) {
        invalidate_relation(trigger->tg_trigtuple, RelationGetDescr(catalog));
        if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
            invalidate_relation(trigger->tg_newtuple, RelationGetDescr(catalog));
    }

    const Oid version = get_relname_relid("metadata_version_seq", RelationGetNamespace(catalog));

    if (OidIsValid(version))
        nextval_internal(version, false);
    return PointerGetDatum(nullptr);
}
