// SPDX-License-Identifier: PostgreSQL
//
// The commit record: rows of vecmesh.transaction_record, written by the local transaction itself,
// so that they exist exactly if it committed. Recovery reads them to decide about a prepared
// transaction that was left behind.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "transaction/transaction.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace vecmesh
{

namespace
{

constexpr int kMaxFinished = 1024; // what is forgotten beyond it, recovery cleans
constexpr int kRecordColumns = 2;  // group_id, gid

/// A scan for one record by the primary key.
SysScanDesc
scan_record(Relation records, Snapshot snapshot, int32 group_id, const char *gid)
{
    ScanKeyData keys[kRecordColumns];
    ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(group_id));
    ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(gid));
    keys[1].sk_collation = DEFAULT_COLLATION_OID; // the index's: its order is followed
    return systable_beginscan(records, pg::primary_key_index(records), true, snapshot,
                              kRecordColumns, keys);
}

struct FinishedRecord {
    int32 group_id;
    char gid[kGidSize];
};

FinishedRecord *finished = nullptr;
int finished_count = 0;

void
remove_record(Relation records, const FinishedRecord *record)
{
    SysScanDesc scan = scan_record(records, nullptr, record->group_id, record->gid);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple))
        delete_commit_record(records, tuple);
    systable_endscan(scan);
}

} // namespace

Relation
open_mesh_table(const char *name, LOCKMODE mode)
{
    const Oid schema = get_namespace_oid("vecmesh", true);
    const Oid relation = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
    if (!OidIsValid(relation))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("a transaction that wrote on workers needs extension \"vecmesh\""),
                        errhint("Drop distributed tables in an earlier transaction than the "
                                "extension.")));
    return table_open(relation, mode);
}

char *
gid_prefix()
{
    return psprintf("vecmesh_%s_%d_", get_cluster_id(), kCoordinatorGroup);
}

bool
has_commit_record(Relation records, Snapshot snapshot, int32 group_id, const char *gid)
{
    SysScanDesc scan = scan_record(records, snapshot, group_id, gid);
    const bool found = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    return found;
}

void
delete_commit_record(Relation records, HeapTuple tuple)
{
    // Without waiting, and whatever comes of it: a session and recovery may remove the same record.
    TM_FailureData failure;
    heap_delete(records, &tuple->t_self, GetCurrentCommandId(true), InvalidSnapshot, false,
                &failure, false);
}

void
write_commit_records(Connection **connections, int count)
{
    PushActiveSnapshot(GetTransactionSnapshot()); // a commit has none of its own
    Relation relation = open_mesh_table("transaction_record", RowExclusiveLock);
    for (int i = 0; i < finished_count; i++)
        remove_record(relation, &finished[i]);
    finished_count = 0; // should we abort, recovery finds them

    for (int i = 0; i < count; i++) {
        Datum values[kRecordColumns] = {Int32GetDatum(connections[i]->group_id),
                                        CStringGetTextDatum(connections[i]->gid)};
        bool nulls[kRecordColumns] = {false, false};
        HeapTuple tuple = heap_form_tuple(RelationGetDescr(relation), values, nulls);
        CatalogTupleInsert(relation, tuple);
        heap_freetuple(tuple);
    }
    table_close(relation, RowExclusiveLock);
    PopActiveSnapshot();
}

void
note_record_finished(int32 group_id, const char *gid)
{
    if (finished == nullptr)
        finished = static_cast<FinishedRecord *>(MemoryContextAllocExtended(
            TopMemoryContext, sizeof(FinishedRecord) * kMaxFinished, MCXT_ALLOC_NO_OOM));
    if (finished == nullptr || finished_count == kMaxFinished)
        return;
    finished[finished_count].group_id = group_id;
    strlcpy(finished[finished_count].gid, gid, kGidSize);
    finished_count++;
}

} // namespace vecmesh
