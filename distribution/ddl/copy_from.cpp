// SPDX-License-Identifier: PostgreSQL
//
// COPY table FROM: parsed once, here, by PostgreSQL's own NextCopyFrom (text, csv, binary; file,
// program, stdin), with defaults, generated columns, WHERE and the table's constraints evaluated
// here, so that a bad row is reported with its line. The rows go to the shards as binary COPY
// streams.
#include "pg/postgres.hpp"

#include "ddl/utility_hook.hpp"
#include "executor/shard_copy.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "commands/copy.h"
#include "commands/defrem.h"
#include "commands/progress.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecmesh
{

namespace
{

/// What COPY needs while it runs.
struct CopyJob {
    Relation relation;
    CopyFromState input;
    EState *state;
    ResultRelInfo *result_relation;
    TupleTableSlot *slot;
    ExprState *where; // nullptr: all rows
    ShardCopy *output;
    int64 excluded;
};

/// As DoCopy() does.
void
check_source(const CopyStmt *statement)
{
    ListCell *cell;

    foreach (cell, statement->options) {
        auto *option = lfirst_node(DefElem, cell);

        if (strcmp(option->defname, "freeze") == 0)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("COPY FREEZE is not supported on distributed tables"),
                            errhint("Leave out FREEZE.")));
        // Since 17: NextCopyFrom() hands out the bad row and leaves skipping it to its caller.
        if (strcmp(option->defname, "on_error") == 0 &&
            pg_strcasecmp(defGetString(option), "stop") != 0)
            ereport(
                ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("COPY with ON_ERROR is not supported on distributed tables"),
                 errhint("Leave out ON_ERROR: the first bad row ends the COPY with an error.")));
    }
    if (statement->filename == nullptr)
        return;

    const bool program = statement->is_program;
    const Oid role = program ? ROLE_PG_EXECUTE_SERVER_PROGRAM : ROLE_PG_READ_SERVER_FILES;

    if (!has_privs_of_role(GetUserId(), role))
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 program ? errmsg("permission denied to COPY from an external program")
                         : errmsg("permission denied to COPY from a file"),
                 errhint("Anyone can COPY from stdin; psql's \\copy command works for anyone.")));
}

void
check_insert_right(Relation relation, List *columns)
{
    const Oid id = RelationGetRelid(relation);
    ListCell *cell;

    if (pg_class_aclcheck(id, GetUserId(), ACL_INSERT) == ACLCHECK_OK)
        return;
    foreach (cell, CopyGetAttnums(RelationGetDescr(relation), relation, columns))
        if (pg_attribute_aclcheck(id, static_cast<AttrNumber>(lfirst_int(cell)), GetUserId(),
                                  ACL_INSERT) != ACLCHECK_OK)
            aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(relation));
}

/// The WHERE clause as an implicitly-ANDed list.
List *
transform_where(ParseState *parse, ParseNamespaceItem *item, Node *clause)
{
    if (clause == nullptr)
        return NIL;
    addNSItemToQuery(parse, item, false, true, true);

    Node *expression = transformExpr(parse, clause, EXPR_KIND_COPY_WHERE);

    expression = coerce_to_boolean(parse, expression, "WHERE");
    assign_expr_collations(parse, expression);
    expression = eval_const_expressions(nullptr, expression);
    expression =
        reinterpret_cast<Node *>(canonicalize_qual(reinterpret_cast<Expr *>(expression), false));
    return make_ands_implicit(reinterpret_cast<Expr *>(expression));
}

void
begin(CopyJob *job, const UtilityCall &call, const CopyStmt *statement,
      const DistributedTable *table)
{
    ParseState *parse = make_parsestate(nullptr);

    parse->p_sourcetext = call.query_string;
    parse->p_queryEnv = call.environment;
    job->relation = table_openrv(statement->relation, RowExclusiveLock);
    if (XactReadOnly)
        PreventCommandIfReadOnly("COPY FROM");
    check_insert_right(job->relation, statement->attlist);

    ParseNamespaceItem *item = addRangeTableEntryForRelation(parse, job->relation, RowExclusiveLock,
                                                             nullptr, false, false);
    List *where = transform_where(parse, item, statement->whereClause);

    job->output = begin_shard_copy(table, job->relation);
    set_stream_error_context(job->output, error_context_stack);
    job->input =
        BeginCopyFrom(parse, job->relation, nullptr, statement->filename, statement->is_program,
                      nullptr, statement->attlist, statement->options);
    job->state = CreateExecutorState();
    job->result_relation = makeNode(ResultRelInfo);
    InitResultRelInfo(job->result_relation, job->relation, 0, nullptr, 0);
    job->slot = MakeSingleTupleTableSlot(RelationGetDescr(job->relation), &TTSOpsVirtual);
    job->slot->tts_tableOid = RelationGetRelid(job->relation);
    job->where = where == NIL ? nullptr : ExecInitQual(where, nullptr);
}

/// False at the end of the input.
bool
next_row(CopyJob *job)
{
    ExprContext *expressions = GetPerTupleExprContext(job->state);
    const TupleConstr *constraints = RelationGetDescr(job->relation)->constr;

    ExecClearTuple(job->slot);
    if (!NextCopyFrom(job->input, expressions, job->slot->tts_values, job->slot->tts_isnull))
        return false;
    ExecStoreVirtualTuple(job->slot);
    if (job->where != nullptr) {
        expressions->ecxt_scantuple = job->slot;
        if (!ExecQual(job->where, expressions)) {
            pgstat_progress_update_param(PROGRESS_COPY_TUPLES_EXCLUDED, ++job->excluded);
            return true;
        }
    }
    if (constraints != nullptr && constraints->has_generated_stored)
        ExecComputeStoredGenerated(job->result_relation, job->state, job->slot, CMD_INSERT);
    if (constraints != nullptr)
        ExecConstraints(job->result_relation, job->slot, job->state);
    slot_getallattrs(job->slot);
    put_shard_row(job->output, job->slot->tts_values, job->slot->tts_isnull);
    pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, ++job->state->es_processed);
    return true;
}

void
run(CopyJob *job)
{
    ErrorContextCallback line;

    line.callback = CopyFromErrorCallback;
    line.arg = job->input;
    line.previous = error_context_stack;
    error_context_stack = &line;
    for (bool more = true; more;) {
        CHECK_FOR_INTERRUPTS();
        ResetPerTupleExprContext(job->state);

        MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(job->state));

        more = next_row(job);
        MemoryContextSwitchTo(old);
    }
    error_context_stack = line.previous;
}

} // namespace

bool
copy_from(const UtilityCall &call)
{
    const auto *statement = castNode(CopyStmt, call.statement->utilityStmt);

    if (!statement->is_from || statement->relation == nullptr)
        return false;

    // Locked before it is looked up: another session may be distributing it just now.
    const DistributedTable *table =
        find_distributed_table(RangeVarGetRelid(statement->relation, RowExclusiveLock, true));

    if (table == nullptr)
        return false;

    CopyJob job = {};

    check_source(statement);
    begin(&job, call, statement, table);
    run(&job);

    const int64 rows = finish_shard_copy(job.output);

    EndCopyFrom(job.input);
    ExecDropSingleTupleTableSlot(job.slot);
    FreeExecutorState(job.state);
    table_close(job.relation, NoLock);
    if (call.completion != nullptr)
        SetQueryCompletion(call.completion, CMDTAG_COPY, static_cast<uint64>(rows));
    return true;
}

} // namespace vecmesh
