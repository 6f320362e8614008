// SPDX-License-Identifier: PostgreSQL
//
// Prepared transactions that were left behind on workers, and what becomes of them. The order of
// steps makes a lock against running transactions unnecessary; transaction/README.md argues why.
//
//   1. list what is prepared on the workers under our prefix
//   2. see which of their local transactions still run: those are left alone
//   3. look for commit records, with a snapshot taken after step 2
//   4. record: COMMIT PREPARED; none: ROLLBACK PREPARED
//   5. list again; records seen in step 3 that no worker holds any more are removed
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "pg/entry.hpp"
#include "transaction/transaction.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace vecmesh
{

namespace
{

struct Worker {
    int32 group_id;
    Connection *connection; // nullptr: does not answer
};

struct Workers {
    Worker *items;
    int count;
};

enum class Decision : uint8 { commit, roll_back, wait };

struct InDoubt {
    Worker *worker;
    char *gid;
    char *prepared_at;
    char *owner;
    Decision decision;
};

struct InDoubtList {
    InDoubt *items;
    int count;
    int capacity;
};

/// Connects to all workers; one that does not answer gets a warning and is left out.
Workers
open_workers()
{
    int32 *groups;
    const int count = get_worker_groups(&groups);
    auto **connections = static_cast<Connection **>(palloc(sizeof(Connection *) * Max(count, 1)));
    auto **reasons = static_cast<char **>(palloc0(sizeof(char *) * Max(count, 1)));
    for (int i = 0; i < count; i++) {
        const ClusterNode *node = get_group_primary(groups[i]);
        connections[i] =
            make_detached_connection(node->host, node->port, node->dbname, CurrentMemoryContext);
    }
    connect_all(connections, count, reasons);

    Workers workers = {static_cast<Worker *>(palloc(sizeof(Worker) * Max(count, 1))), count};
    for (int i = 0; i < count; i++) {
        workers.items[i] = {groups[i], connections[i]};
        if (reasons[i] == nullptr)
            continue;
        ereport(WARNING, (errcode(ERRCODE_CONNECTION_FAILURE),
                          errmsg("could not connect to worker \"%s\"", connections[i]->label),
                          errdetail_internal("%s", reasons[i]),
                          errhint("Its prepared transactions are left as they are.")));
        workers.items[i].connection = nullptr;
    }
    return workers;
}

/// Runs the same query on all workers that answer; results stay in each connection->result.
void
query_workers(const Workers *workers, const char *sql)
{
    auto *commands = static_cast<Command *>(palloc(sizeof(Command) * Max(workers->count, 1)));
    int n = 0;
    for (int i = 0; i < workers->count; i++) {
        if (Connection *c = workers->items[i].connection)
            commands[n++] = {c, sql, Outcome::waiting};
    }
    exchange_or_raise(commands, n);
    pfree(commands);
}

void
add_in_doubt(InDoubtList *list, Worker *worker, const PGresult *result, int row)
{
    if (list->count == list->capacity) {
        list->capacity = Max(16, list->capacity * 2);
        const Size size = sizeof(InDoubt) * list->capacity;
        list->items =
            static_cast<InDoubt *>(list->items ? repalloc(list->items, size) : palloc(size));
    }
    list->items[list->count++] = {worker, pstrdup(PQgetvalue(result, row, 0)),
                                  pstrdup(PQgetvalue(result, row, 1)),
                                  pstrdup(PQgetvalue(result, row, 2)), Decision::wait};
}

/// What is prepared on the workers under our prefix; that of others is none of our business.
InDoubtList
list_prepared(const Workers *workers)
{
    const char *prefix = gid_prefix();
    char *sql =
        psprintf("SET datestyle = ISO; SET statement_timeout = 0; "
                 "SELECT gid, prepared, owner FROM pg_catalog.pg_prepared_xacts "
                 "WHERE database OPERATOR(pg_catalog.=) pg_catalog.current_database() "
                 "AND pg_catalog.starts_with(gid, %s) ORDER BY gid COLLATE pg_catalog.\"C\"",
                 quote_literal_cstr(prefix));
    query_workers(workers, sql);
    InDoubtList list = {};
    for (int i = 0; i < workers->count; i++) {
        Worker *worker = &workers->items[i];
        if (worker->connection == nullptr)
            continue;
        const PGresult *result = worker->connection->result;
        for (int row = 0; row < PQntuples(result); row++)
            add_in_doubt(&list, worker, result, row);
        clear_result(worker->connection);
    }
    return list;
}

/// Whether the local transaction that a gid names still runs here. Full transaction ids do not
/// wrap, so an old gid cannot be taken for a young transaction.
bool
origin_is_running(const char *gid, const char *prefix)
{
    int pid;
    unsigned long long number;
    if (sscanf(gid + strlen(prefix), "%d_%llu_", &pid, &number) != 2)
        return true; // not of our making after all: left alone
    const uint64 next = U64FromFullTransactionId(ReadNextFullTransactionId());
    if (number >= next || next - number >= (UINT64CONST(1) << 31))
        return false;
    return TransactionIdIsInProgress(static_cast<TransactionId>(number));
}

void
decide(InDoubtList *list)
{
    const char *prefix = gid_prefix();
    for (int i = 0; i < list->count; i++)
        list->items[i].decision =
            origin_is_running(list->items[i].gid, prefix) ? Decision::wait : Decision::roll_back;

    // A transaction that does not run any more and has committed is visible to this snapshot.
    Relation records = open_mesh_table("transaction_record", AccessShareLock);
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    for (int i = 0; i < list->count; i++) {
        InDoubt *item = &list->items[i];
        if (item->decision == Decision::roll_back &&
            has_commit_record(records, snapshot, item->worker->group_id, item->gid))
            item->decision = Decision::commit;
    }
    UnregisterSnapshot(snapshot);
    table_close(records, AccessShareLock);
}

bool
resolved_by_others(const Connection *connection)
{
    const char *sqlstate = PQresultErrorField(connection->result, PG_DIAG_SQLSTATE);
    return sqlstate != nullptr && strcmp(sqlstate, "42704") == 0;
}

/// Carries the decisions out; returns how many transactions it ended.
int
resolve(InDoubtList *list)
{
    int resolved = 0;
    for (int i = 0; i < list->count; i++) {
        InDoubt *item = &list->items[i];
        if (item->decision == Decision::wait)
            continue;
        const char *verb = item->decision == Decision::commit ? "COMMIT" : "ROLLBACK";
        Command command = {item->worker->connection,
                           psprintf("%s PREPARED %s", verb, quote_literal_cstr(item->gid)),
                           Outcome::waiting};
        exchange(&command, 1, kNoDeadline, false);
        if (command.outcome == Outcome::ok) {
            resolved++;
        } else if (!resolved_by_others(command.connection)) {
            warn_remote_error(command.connection,
                              psprintf("could not end prepared transaction \"%s\" on worker \"%s\"",
                                       item->gid, command.connection->label),
                              nullptr);
        }
        clear_result(command.connection);
    }
    return resolved;
}

HTAB *
hash_gids(const InDoubtList *list)
{
    HASHCTL control = {};
    control.keysize = kGidSize;
    control.entrysize = kGidSize;
    control.hcxt = CurrentMemoryContext;
    HTAB *gids = hash_create("vecmesh prepared transactions", 64, &control,
                             HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
    for (int i = 0; i < list->count; i++)
        hash_search(gids, list->items[i].gid, HASH_ENTER, nullptr);
    return gids;
}

bool
answered(const Workers *workers, int32 group_id)
{
    for (int i = 0; i < workers->count; i++) {
        if (workers->items[i].group_id == group_id)
            return workers->items[i].connection != nullptr;
    }
    return false; // of a removed group: nobody to ask, so the record stays
}

/// A record is visible, so all its workers had prepared before; one that does not hold the
/// transaction any more has ended it.
void
remove_finished_records(Relation records, Snapshot snapshot, const Workers *workers,
                        const InDoubtList *prepared)
{
    HTAB *gids = hash_gids(prepared);
    SysScanDesc scan = systable_beginscan(records, InvalidOid, false, snapshot, 0, nullptr);
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
        bool null;
        const int32 group_id =
            DatumGetInt32(heap_getattr(tuple, 1, RelationGetDescr(records), &null));
        const char *gid =
            TextDatumGetCString(heap_getattr(tuple, 2, RelationGetDescr(records), &null));
        bool held = false;
        if (strlen(gid) < kGidSize)
            hash_search(gids, gid, HASH_FIND, &held);
        if (!held && answered(workers, group_id))
            delete_commit_record(records, tuple);
    }
    systable_endscan(scan);
    hash_destroy(gids);
}

const char *
decision_name(Decision decision)
{
    switch (decision) {
    case Decision::commit:
        return "commit";
    case Decision::roll_back:
        return "roll back";
    case Decision::wait:
        break;
    }
    return "in progress";
}

} // namespace

} // namespace vecmesh

using namespace vecmesh;

VX_FUNCTION(vecmesh_list_prepared_transactions)
{
    InitMaterializedSRF(fcinfo, 0);
    auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    Workers workers = open_workers();
    InDoubtList list = list_prepared(&workers);
    decide(&list);
    for (int i = 0; i < list.count; i++) {
        const InDoubt *item = &list.items[i];
        Datum values[] = {
            Int32GetDatum(item->worker->group_id),
            CStringGetTextDatum(item->worker->connection->label),
            CStringGetTextDatum(item->gid),
            DirectFunctionCall3(timestamptz_in, CStringGetDatum(item->prepared_at),
                                ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)),
            CStringGetTextDatum(item->owner),
            CStringGetTextDatum(decision_name(item->decision)),
        };
        bool nulls[lengthof(values)] = {};
        tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
    }
    return Datum(0);
}

VX_FUNCTION(vecmesh_recover_prepared_transactions)
{
    PreventCommandIfReadOnly("vecmesh.recover_prepared_transactions()");
    PreventCommandDuringRecovery("vecmesh.recover_prepared_transactions()");
    // One recovery at a time; sessions that commit do not conflict with this lock.
    Relation records = open_mesh_table("transaction_record", ShareUpdateExclusiveLock);
    Workers workers = open_workers();

    InDoubtList before = list_prepared(&workers);
    decide(&before);
    const int resolved = resolve(&before);

    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot()); // older than the list that follows
    InDoubtList after = list_prepared(&workers);
    remove_finished_records(records, snapshot, &workers, &after);
    UnregisterSnapshot(snapshot);
    table_close(records, NoLock);
    PG_RETURN_INT32(resolved);
}
