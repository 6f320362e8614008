// SPDX-License-Identifier: PostgreSQL
//
// Every test of PG_VERSION_NUM in the project is in this header, which pg/postgres.hpp includes:
// where PostgreSQL moved a declaration into a header of its own, that one is included here, and
// where it changed a signature or a field, one function here hides it. README.md, section
// "Versions", says what is tested on which version.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#if PG_VERSION_NUM < 150000
#error "PostgreSQL 15 or later is required"
#endif

extern "C" {
#include "access/amapi.h"
#include "access/gist_private.h"
#include "access/heapam_xlog.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/reloptions.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/toast_internals.h"
#include "access/transam.h"
#include "access/xlogreader.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "commands/explain.h"
#include "commands/tablecmds.h"
#include "commands/vacuum.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/tuplesort.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#include "storage/waiteventset.h"
#endif
#if PG_VERSION_NUM >= 160000
#include "utils/relfilenumbermap.h"
#include "varatt.h"
#else
#include "utils/relfilenodemap.h"
#endif
}

namespace pg
{

namespace detail
{

/// Through void (*)(), which the compiler takes as "any function".
template <class To, class From>
To
untyped(From function)
{
    return reinterpret_cast<To>(reinterpret_cast<void (*)()>(function));
}

} // namespace detail

// Walkers and mutators: 15 declares them with an empty parameter list, 16 wraps them in macros.
template <class Context>
bool
walk_expression(Node *node, bool (*walker)(Node *, Context *), Context *context)
{
    void *opaque = const_cast<void *>(static_cast<const void *>(context));
#if PG_VERSION_NUM >= 160000
    return expression_tree_walker(node, walker, opaque);
#else
    return expression_tree_walker(node, detail::untyped<bool (*)()>(walker), opaque);
#endif
}

template <class Context>
bool
walk_query(Query *query, bool (*walker)(Node *, Context *), Context *context, int flags)
{
#if PG_VERSION_NUM >= 160000
    return query_tree_walker(query, walker, context, flags);
#else
    return query_tree_walker(query, detail::untyped<bool (*)()>(walker), context, flags);
#endif
}

template <class Context>
bool
walk_plan_states(PlanState *node, bool (*walker)(PlanState *, Context *), Context *context)
{
#if PG_VERSION_NUM >= 160000
    return planstate_tree_walker(node, detail::untyped<planstate_tree_walker_callback>(walker),
                                 context);
#else
    return planstate_tree_walker(node, detail::untyped<bool (*)()>(walker), context);
#endif
}

template <class Context>
Node *
mutate_expression(Node *node, Node *(*mutator)(Node *, Context *), Context *context)
{
    void *opaque = const_cast<void *>(static_cast<const void *>(context));
#if PG_VERSION_NUM >= 160000
    return expression_tree_mutator(node, mutator, opaque);
#else
    return expression_tree_mutator(node, detail::untyped<Node *(*)()>(mutator), opaque);
#endif
}

/// Parts of SQL/JSON expressions that a mutator meets, but a walker does not know (16).
inline bool
is_json_clause([[maybe_unused]] const Node *node)
{
#if PG_VERSION_NUM >= 160000
    return IsA(node, JsonReturning) || IsA(node, JsonFormat);
#else
    return false;
#endif
}

/// A wait event set in CurrentMemoryContext that no resource owner knows: free it yourself.
inline WaitEventSet *
create_wait_event_set(int events)
{
#if PG_VERSION_NUM >= 170000
    return CreateWaitEventSet(nullptr, events);
#else
    return CreateWaitEventSet(CurrentMemoryContext, events);
#endif
}

/// All GUC variables; not to be changed or freed.
inline struct config_generic **
guc_variables(int *count)
{
#if PG_VERSION_NUM >= 160000
    return get_guc_variables(count);
#else
    *count = GetNumConfigOptions();
    return get_guc_variables();
#endif
}

// ---- storage

#ifdef PG_IO_ALIGN_SIZE
constexpr int kIoAlignment = PG_IO_ALIGN_SIZE; // 16: pages that smgr writes may go to direct I/O
#else
constexpr int kIoAlignment = MAXIMUM_ALIGNOF;
#endif

/// The relation's file, as log_newpages() wants it: RelFileNode * in 15, RelFileLocator * since 16.
inline auto *
relation_locator(Relation relation)
{
#if PG_VERSION_NUM >= 160000
    return &relation->rd_locator;
#else
    return &relation->rd_node;
#endif
}

/// Where a block reference of a WAL record points; 16 renamed the fields.
struct RecordBlock {
    Oid tablespace, database, relation;
    BlockNumber block;
};

inline RecordBlock
record_block(XLogReaderState *record, uint8 id)
{
    BlockNumber block;
#if PG_VERSION_NUM >= 160000
    RelFileLocator file;
    XLogRecGetBlockTag(record, id, &file, nullptr, &block);
    return {file.spcOid, file.dbOid, file.relNumber, block};
#else
    RelFileNode file;
    XLogRecGetBlockTag(record, id, &file, nullptr, &block);
    return {file.spcNode, file.dbNode, file.relNode, block};
#endif
}

/// The relation that has the file in this database now, InvalidOid if none.
inline Oid
relation_of_file(Oid tablespace, Oid file)
{
#if PG_VERSION_NUM >= 160000
    return RelidByRelfilenumber(tablespace, file);
#else
    return RelidByRelfilenode(tablespace, file);
#endif
}

/// The snapshot that TOAST chunks are read with: it sees those of dead rows too. space: for it.
inline Snapshot
toast_snapshot([[maybe_unused]] SnapshotData *space)
{
#if PG_VERSION_NUM >= 180000
    return get_toast_snapshot();
#else
    init_toast_snapshot(space);
    return space;
#endif
}

/// Takes what a removed row says of its deleter into *newest.
inline void
note_removed_row(HeapTupleHeader row, TransactionId *newest)
{
#if PG_VERSION_NUM >= 160000
    HeapTupleHeaderAdvanceConflictHorizon(row, newest);
#else
    HeapTupleHeaderAdvanceLatestRemovedXid(row, newest);
#endif
}

/// Logs that snapshots for which the transaction is not over must not outlive this on a standby,
/// and no change of any page. PostgreSQL has that record for pages of GiST indexes that are used
/// again; its redo looks at nothing but the transaction and the database, and every server has it.
inline void
log_recovery_conflict(Relation index, [[maybe_unused]] Relation heap, TransactionId newest)
{
    const FullTransactionId next = ReadNextFullTransactionId();
    const uint32 age = XidFromFullTransactionId(next) - newest;
    const FullTransactionId full = FullTransactionIdFromU64(U64FromFullTransactionId(next) - age);
#if PG_VERSION_NUM >= 160000
    gistXLogPageReuse(index, heap, 0, full);
#else
    gistXLogPageReuse(index, 0, full);
#endif
}

inline void
vacuum_delay()
{
#if PG_VERSION_NUM >= 180000
    vacuum_delay_point(false);
#else
    vacuum_delay_point();
#endif
}

/// A row on its own, without space in front of it.
inline MinimalTuple
form_minimal_tuple(TupleDesc description, Datum *values, bool *nulls)
{
#if PG_VERSION_NUM >= 180000
    return heap_form_minimal_tuple(description, values, nulls, 0);
#else
    return heap_form_minimal_tuple(description, values, nulls);
#endif
}

/// The index of the primary key, InvalidOid without one and when it is deferrable.
inline Oid
primary_key_index(Relation relation)
{
#if PG_VERSION_NUM >= 180000
    return RelationGetPrimaryKeyIndex(relation, false);
#else
    return RelationGetPrimaryKeyIndex(relation);
#endif
}

/// The next value of a sort of one column that is passed by value; 16 asks whether to copy it.
inline bool
next_sorted_datum(Tuplesortstate *sort, Datum *value, bool *isnull)
{
#if PG_VERSION_NUM >= 160000
    return tuplesort_getdatum(sort, true, false, value, isnull, nullptr);
#else
    return tuplesort_getdatum(sort, true, value, isnull, nullptr);
#endif
}

// ---- index access methods

/// One line of a table for build_reloptions(); 18 added a field that we do not use.
constexpr relopt_parse_elt
option_field(const char *name, relopt_type type, int offset)
{
    relopt_parse_elt field = {};
    field.optname = name;
    field.opttype = type;
    field.offset = offset;
    return field;
}

/// The fields of IndexAmRoutine that came after 15, for an ordered, non-unique method without them.
inline void
set_newer_am_fields([[maybe_unused]] IndexAmRoutine *routine)
{
#if PG_VERSION_NUM >= 160000
    routine->amsummarizing = false;
#endif
#if PG_VERSION_NUM >= 170000
    routine->amcanbuildparallel = false; // threads of one process, not parallel workers
    routine->aminsertcleanup = nullptr;
#endif
#if PG_VERSION_NUM >= 180000
    routine->amcanhash = false;
    routine->amconsistentequality = false;
    routine->amconsistentordering = false;
    routine->amgettreeheight = nullptr;
    routine->amtranslatestrategy = nullptr;
    routine->amtranslatecmptype = nullptr;
#endif
}

/// One more descent of an index scan, for EXPLAIN (18).
inline void
count_index_search([[maybe_unused]] IndexScanDesc scan)
{
#if PG_VERSION_NUM >= 180000
    if (scan->instrument)
        scan->instrument->nsearches++;
#endif
}

/// Tells the planner that a path must not be chosen, beside an infinite cost.
inline void
disable_path([[maybe_unused]] Path *path)
{
#if PG_VERSION_NUM >= 180000
    path->disabled_nodes = 2;
#endif
}

/// BTLessStrategyNumber or BTGreaterStrategyNumber; 18 has a CompareType there.
inline int
sort_strategy(const PathKey *pathkey)
{
#if PG_VERSION_NUM >= 180000
    return pathkey->pk_cmptype == COMPARE_LT ? BTLessStrategyNumber : BTGreaterStrategyNumber;
#else
    return pathkey->pk_strategy;
#endif
}

/// RETURNING asks for the row before or after the change instead of the one that it always gave
/// (18).
inline bool
is_old_or_new([[maybe_unused]] const Var *var)
{
#if PG_VERSION_NUM >= 180000
    return var->varreturningtype != VAR_RETURNING_DEFAULT;
#else
    return false;
#endif
}

/// The collations that compare bytes on every server: "C" and "POSIX", which 18 names no longer.
constexpr bool
is_c_collation(Oid collation)
{
    constexpr Oid posix_collation = 951;
#if PG_VERSION_NUM < 180000
    static_assert(posix_collation == POSIX_COLLATION_OID);
#endif
    return collation == C_COLLATION_OID || collation == posix_collation;
}

// ---- commands

inline bool
owns_relation(Oid relation, Oid role)
{
#if PG_VERSION_NUM >= 160000
    return object_ownercheck(RelationRelationId, relation, role);
#else
    return pg_class_ownercheck(relation, role);
#endif
}

/// The right to VACUUM and ANALYZE: 17 has a privilege for it.
inline bool
may_vacuum(Oid relation, Oid role)
{
#if PG_VERSION_NUM >= 170000
    return pg_class_aclcheck(relation, role, ACL_MAINTAIN) == ACLCHECK_OK;
#else
    return owns_relation(relation, role);
#endif
}

/// TRUNCATE of one open, exclusively locked table; its sequences stay.
inline void
truncate_table(Relation relation)
{
    List *relations = list_make1(relation);
    List *ids = list_make1_oid(RelationGetRelid(relation));
#if PG_VERSION_NUM >= 160000
    ExecuteTruncateGuts(relations, ids, NIL, DROP_RESTRICT, false, false);
#else
    ExecuteTruncateGuts(relations, ids, NIL, DROP_RESTRICT, false);
#endif
}

/// Writes pages and rows of a relation into pg_class, as ANALYZE does.
inline void
set_relation_size_statistics(Relation relation, BlockNumber pages, double rows)
{
#if PG_VERSION_NUM >= 180000
    vac_update_relstats(relation, pages, rows, 0, 0, relation->rd_rel->relhasindex,
                        InvalidTransactionId, InvalidMultiXactId, nullptr, nullptr, true);
#else
    vac_update_relstats(relation, pages, rows, 0, relation->rd_rel->relhasindex,
                        InvalidTransactionId, InvalidMultiXactId, nullptr, nullptr, true);
#endif
}

/// Builds all indexes of a table again, that of its TOAST table too.
inline void
reindex_table(Oid relation)
{
    ReindexParams parameters = {};
#if PG_VERSION_NUM >= 170000
    reindex_relation(nullptr, relation, REINDEX_REL_PROCESS_TOAST, &parameters);
#else
    reindex_relation(relation, REINDEX_REL_PROCESS_TOAST, &parameters);
#endif
}

} // namespace pg
