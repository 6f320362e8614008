// SPDX-License-Identifier: PostgreSQL
//
// vecmesh.run_on_workers(): one command on every worker, for administrators. Each worker gets it
// over a connection of its own, outside the transaction, so that commands such as CREATE EXTENSION
// stay done and one worker's error is a row, not the end.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"
#include "remote/connection.hpp"

extern "C" {
#include "access/xact.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
}

#include "pg/entry.hpp"

namespace vecmesh
{

namespace
{

struct WorkerAnswer {
    bool success;
    const char *text; // nullptr: no rows, or NULL
};

void
ask_worker(const ClusterNode *node, const char *sql, WorkerAnswer *answer)
{
    MemoryContext caller = CurrentMemoryContext;
    MemoryContext context =
        AllocSetContextCreate(caller, "vecmesh run on worker", ALLOCSET_SMALL_SIZES);
    Connection *connection =
        open_detached_connection(node->host, node->port, node->dbname, context);

    run_command(connection, "SET search_path = \"$user\", public"); // as in a session of one's own

    const PGresult *result = run_query(connection, sql, context);

    answer->success = true;
    if (PQntuples(result) > 0 && PQnfields(result) > 0) {
        if (!PQgetisnull(result, 0, 0))
            answer->text = MemoryContextStrdup(caller, PQgetvalue(result, 0, 0));
    } else {
        answer->text = MemoryContextStrdup(caller, PQcmdStatus(const_cast<PGresult *>(result)));
    }
    MemoryContextDelete(context);
}

/// An error of the worker becomes the answer. It is caught inside a subtransaction of its own (B6).
WorkerAnswer
try_worker(const ClusterNode *node, const char *sql)
{
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    WorkerAnswer answer = {false, nullptr};
    bool failed = false;

    pg::guarded([&] { BeginInternalSubTransaction(nullptr); });
    try {
        pg::guarded([&] {
            MemoryContextSwitchTo(context);
            ask_worker(node, sql, &answer);
            ReleaseCurrentSubTransaction();
        });
    } catch (const pg::Error &) {
        failed = true;
    }
    pg::guarded([&] {
        MemoryContextSwitchTo(context);
        if (failed) {
            ErrorData *error = CopyErrorData();

            // A cancel asks for the whole command to end.
            if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
                PG_RE_THROW();
            FlushErrorState();
            RollbackAndReleaseCurrentSubTransaction();
            MemoryContextSwitchTo(context);
            answer.success = false;
            answer.text = error->message;
        }
        CurrentResourceOwner = owner;
    });
    return answer;
}

} // namespace

} // namespace vecmesh

VX_FUNCTION(vecmesh_run_on_workers)
{
    const char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
    auto *set = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    int32 *groups;

    InitMaterializedSRF(fcinfo, 0);

    const int count = vecmesh::get_worker_groups(&groups);

    for (int i = 0; i < count; i++) {
        const vecmesh::ClusterNode *node = vecmesh::get_group_primary(groups[i]);
        const vecmesh::WorkerAnswer answer = vecmesh::try_worker(node, sql);
        const char *label = psprintf("%s:%d/%s", node->host, node->port, node->dbname);
        const Datum values[] = {CStringGetTextDatum(label), BoolGetDatum(answer.success),
                                answer.text == nullptr ? static_cast<Datum>(0)
                                                       : CStringGetTextDatum(answer.text)};
        const bool nulls[] = {false, false, answer.text == nullptr};

        tuplestore_putvalues(set->setResult, set->setDesc, const_cast<Datum *>(values),
                             const_cast<bool *>(nulls));
    }
    return static_cast<Datum>(0);
}
