// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/lock_index.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/index.h"
}

namespace vx::index
{

/// index_open() would raise XX000, which is for what cannot happen.
static void
lock_existing(Oid relation, LOCKMODE lock, Oid index)
{
    Relation found = try_relation_open(relation, lock);
    if (found == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("index with OID %u does not exist", index)));
    relation_close(found, NoLock);
}

Oid
lock_index_and_table(Oid index, LOCKMODE index_lock, LOCKMODE table_lock)
{
    const Oid table = IndexGetRelation(index, true);
    if (OidIsValid(table))
        lock_existing(table, table_lock, index);
    lock_existing(index, index_lock, index);
    return table;
}

} // namespace vx::index
