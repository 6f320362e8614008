// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "check/target.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

#include "index/common/lock_index.hpp"
#include "pg/compat.hpp"

namespace vx::check
{

/// By name: the access method's functions are in this library, its number is not.
bool
find_method(Oid access_method, Method *method)
{
    const char *name = get_am_name(access_method);
    if (name != nullptr && strcmp(name, "ivfrabitq") == 0)
        *method = Method::ivfrabitq;
    else if (name != nullptr && strcmp(name, "ivfflat") == 0)
        *method = Method::ivfflat;
    else
        return false;
    return true;
}

static void
check_target(Relation index, Method *method)
{
    const char *name = RelationGetRelationName(index);
    if (index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX)
        ereport(ERROR,
                (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("index \"%s\" is partitioned", name),
                 errhint("Name the indexes of its partitions.")));
    if (index->rd_rel->relkind != RELKIND_INDEX || !find_method(index->rd_rel->relam, method))
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                        errmsg("index \"%s\" is not an ivfflat or ivfrabitq index", name)));
    if (RELATION_IS_OTHER_TEMP(index))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot access temporary tables of other sessions"),
                        errdetail("Index \"%s\" is of a temporary table.", name)));
    if (!index->rd_index->indisvalid)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("index \"%s\" is not valid", name), errhint("Please REINDEX it.")));
}

bool
open_target(Oid index, Target *target)
{
    const Oid heap = index::lock_index_and_table(index, AccessShareLock, AccessShareLock);
    target->heap = OidIsValid(heap) ? table_open(heap, NoLock) : nullptr;
    GetUserIdAndSecContext(&target->user, &target->security_context);
    target->settings = NewGUCNestLevel();
    if (target->heap != nullptr)
        SetUserIdAndSecContext(target->heap->rd_rel->relowner,
                               target->security_context | SECURITY_RESTRICTED_OPERATION);
    target->index = index_open(index, NoLock); // says if it is no index
    if (target->heap == nullptr || heap != IndexGetRelation(index, false))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("could not open the table of index \"%s\"",
                               RelationGetRelationName(target->index))));
    check_target(target->index, &target->method);
    if (target->index->rd_rel->relpersistence != RELPERSISTENCE_UNLOGGED || !RecoveryInProgress())
        return true;
    ereport(NOTICE, (errmsg("index \"%s\" is unlogged: it has no content during recovery",
                            RelationGetRelationName(target->index))));
    close_target(*target);
    return false;
}

void
close_target(const Target &target)
{
    AtEOXact_GUC(false, target.settings);
    SetUserIdAndSecContext(target.user, target.security_context);
    index_close(target.index, NoLock);
    table_close(target.heap, NoLock);
}

} // namespace vx::check
