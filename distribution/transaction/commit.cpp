// SPDX-License-Identifier: PostgreSQL
//
// Commit. A transaction that wrote on one worker and nowhere else is committed there directly, its
// success deciding ours. Any other is prepared on all written workers, recorded in
// vecmesh.transaction_record, committed here, then committed there: our commit decides theirs.
#include "pg/postgres.hpp"

#include "transaction/transaction.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace vecmesh
{

namespace
{

uint32 gid_counter = 0;

struct Participants {
    Connection **connections;
    int count;
    int written;
    Connection *writer; // one of the written
};

Participants
find_participants()
{
    Participants p = {};
    p.count = select_connections(&p.connections, [](const Connection *c) { return c->depth > 0; });
    for (int i = 0; i < p.count; i++) {
        Connection *c = p.connections[i];
        if (c->doomed || c->changing || c->pg == nullptr)
            raise_remote_error(c, nullptr, nullptr);
        if (c->written) {
            p.written++;
            p.writer = c;
        }
    }
    return p;
}

/// A worker whose transaction had failed answers COMMIT and PREPARE TRANSACTION with ROLLBACK.
void
check_not_rolled_back(Connection *connection)
{
    if (strcmp(PQcmdStatus(connection->result), "ROLLBACK") == 0)
        ereport(ERROR, (errcode(ERRCODE_TRANSACTION_ROLLBACK),
                        errmsg("worker \"%s\" rolled the transaction back", connection->label)));
}

/// Interrupts are held off: a cancel here would leave us not knowing. A worker that does not answer
/// within vecmesh.commit_timeout does just that.
void
commit_one_phase(Connection *connection)
{
    Command command = {connection, "COMMIT", Outcome::waiting};
    connection->changing = true;
    HOLD_INTERRUPTS();
    exchange(&command, 1, deadline_after_ms(commit_timeout_ms), true);
    RESUME_INTERRUPTS();
    if (command.outcome == Outcome::timed_out || PQstatus(connection->pg) == CONNECTION_BAD) {
        connection->doomed = true;
        ereport(ERROR, (errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
                        errmsg("worker \"%s\" did not say whether it committed the transaction",
                               connection->label),
                        errdetail("It was the only node the transaction wrote on."),
                        errhint("Look at the data before you repeat the transaction.")));
    }
    if (command.outcome != Outcome::ok) {
        PGresult *result = connection->result;
        connection->result = nullptr;
        raise_remote_error(connection, result, command.sql);
    }
    check_not_rolled_back(connection);
    connection->changing = false;
    connection->depth = 0;
}

const char *
prepare_command(Connection *connection, const char *prefix)
{
    snprintf(connection->gid, kGidSize, "%s%d_" UINT64_FORMAT "_%u", prefix, MyProcPid,
             U64FromFullTransactionId(GetTopFullTransactionId()), ++gid_counter);
    connection->prepared = Prepared::sent;
    return psprintf("PREPARE TRANSACTION '%s'", connection->gid);
}

/// COMMIT on readers and, if asked for, PREPARE on writers, all at once.
void
end_transactions(const Participants *p, bool prepare_writers)
{
    auto *commands = static_cast<Command *>(palloc(sizeof(Command) * p->count));
    const char *prefix = prepare_writers ? gid_prefix() : nullptr;
    int n = 0;
    for (int i = 0; i < p->count; i++) {
        Connection *c = p->connections[i];
        if (!c->written)
            commands[n++] = {c, "COMMIT", Outcome::waiting};
        else if (prepare_writers)
            commands[n++] = {c, prepare_command(c, prefix), Outcome::waiting};
    }
    exchange_or_raise(commands, n);
    for (int i = 0; i < n; i++) {
        Connection *c = commands[i].connection;
        check_not_rolled_back(c);
        clear_result(c);
        c->depth = 0;
        if (c->prepared == Prepared::sent)
            c->prepared = Prepared::yes;
    }
    pfree(commands);
}

void
commit_two_phase(const Participants *p)
{
    // The workers act on our commit: it must not be lost by a crash, whatever synchronous_commit
    // is.
    ForceSyncCommit();
    end_transactions(p, true);
    fault_point("after_prepare");
    fault_point("before_commit_record");
    Connection **prepared;
    const int n = select_connections(
        &prepared, [](const Connection *c) { return c->prepared == Prepared::yes; });
    write_commit_records(prepared, n);
    pfree(prepared);
}

bool
finished_already(const Connection *connection)
{
    const char *sqlstate = PQresultErrorField(connection->result, PG_DIAG_SQLSTATE);
    return sqlstate != nullptr && strcmp(sqlstate, "42704") == 0; // by recovery
}

void
note_commit_prepared(Command *command)
{
    Connection *c = command->connection;
    if (command->outcome == Outcome::ok || finished_already(c)) {
        note_record_finished(c->group_id, c->gid);
        return;
    }
    char message[256 + kGidSize];
    snprintf(
        message, sizeof(message),
        "transaction is committed, but worker \"%s\" has not confirmed that it committed \"%s\"",
        c->label, c->gid);
    warn_remote_error(c, message,
                      "SELECT vecmesh.recover_prepared_transactions() commits it once the worker "
                      "answers.");
    c->doomed = true;
}

} // namespace

void
commit_workers()
{
    Participants p = find_participants();
    if (p.count == 0)
        return;
    for (int i = 0; i < p.count; i++)
        make_idle(p.connections[i]);
    const bool one_phase =
        p.written == 1 && !TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
        !IsolationIsSerializable(); // the local check for serializability is still to come
    if (p.written > 0 && !one_phase) {
        commit_two_phase(&p);
    } else {
        end_transactions(&p, false);
        if (one_phase)
            commit_one_phase(p.writer);
    }
    pfree(p.connections);
}

void
commit_prepared_workers()
{
    Connection **prepared;
    const int n = select_connections(
        &prepared, [](const Connection *c) { return c->prepared == Prepared::yes; });
    if (n > 0) {
        fault_point("after_local_commit");
        auto *commands = static_cast<Command *>(palloc(sizeof(Command) * n));
        for (int i = 0; i < n; i++)
            commands[i] = {prepared[i], psprintf("COMMIT PREPARED '%s'", prepared[i]->gid),
                           Outcome::waiting};
        const TimestampTz deadline = deadline_after_ms(commit_timeout_ms);
        int first = 0;
        if (fault_is_set("after_first_commit_prepared")) {
            exchange(commands, 1, deadline, false);
            fault_point("after_first_commit_prepared");
            first = 1;
        }
        exchange(commands + first, n - first, deadline, false);
        for (int i = 0; i < n; i++)
            note_commit_prepared(&commands[i]);
        pfree(commands);
    }
    pfree(prepared);
}

} // namespace vecmesh
