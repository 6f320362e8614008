// SPDX-License-Identifier: PostgreSQL
//
// The metadata cache: one entry per relation this backend has asked about (also the answer "not
// distributed"), the nodes, and the cluster's identity.
//
// Invalidation. The triggers on the catalogs (triggers.cpp) send a relcache invalidation for the
// catalog table, which empties the whole cache here, and for the distributed relation, which makes
// cached plans over it be planned again. An entry that goes stale moves to `graveyard` and is freed
// at the end of the transaction, because callers may still hold pointers to it.
#include "pg/postgres.hpp"

#include "catalog/metadata.hpp"

#include "catalog/oids.hpp"

extern "C" {
#include "access/genam.h"
#include "access/hash.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#include "pg/entry.hpp"

#include <algorithm>

namespace vecmesh
{

namespace
{

/// What the cache keeps for a distributed table; find_shard_index() gets back to it from the base.
struct CachedTable : DistributedTable {
    FmgrInfo hash;
};

struct TableEntry {
    Oid relation;          // hash key
    MemoryContext context; // nullptr: not distributed
    CachedTable *table;
};

struct NodeCache {
    MemoryContext context;
    int count;
    ClusterNode *nodes; // primaries, ascending by group
    const char *cluster_id;
};

MemoryContext cache_context = nullptr;
MemoryContext graveyard = nullptr;
HTAB *table_cache = nullptr;
NodeCache *node_cache = nullptr;
/// Counts invalidations: a load during which one arrived is repeated.
uint64 generation = 0;

// Column numbers of the catalogs (sql/vecmesh--0.1.0.sql).
enum { kClusterId = 2 };

enum { kNodeId = 1, kNodeGroup, kNodeHost, kNodePort, kNodeDatabase, kNodeRole, kNodeActive };

enum { kTableRelation = 1, kTableMethod, kTableColumn, kTableColocation };

enum { kShardId = 1, kShardRelation, kShardMin, kShardMax };

enum { kPlacementId = 1, kPlacementShard, kPlacementGroup };

Datum
attribute(HeapTuple tuple, int number, Relation relation)
{
    bool is_null;
    const Datum value = heap_getattr(tuple, number, RelationGetDescr(relation), &is_null);

    if (is_null)
        elog(ERROR, "unexpected null value in column %d of catalog \"%s\"", number,
             RelationGetRelationName(relation));
    return value;
}

// ------------------------------------------------------------------------------------------------
// Invalidation
// ------------------------------------------------------------------------------------------------

void
bury(TableEntry *entry)
{
    if (entry->context != nullptr)
        MemoryContextSetParent(entry->context, graveyard);
    hash_search(table_cache, &entry->relation, HASH_REMOVE, nullptr);
}

void
bury_all()
{
    if (node_cache != nullptr) {
        MemoryContextSetParent(node_cache->context, graveyard);
        node_cache = nullptr;
    }
    if (table_cache == nullptr)
        return;

    HASH_SEQ_STATUS scan;

    hash_seq_init(&scan, table_cache);
    while (auto *entry = static_cast<TableEntry *>(hash_seq_search(&scan)))
        bury(entry);
}

VX_CALLBACK(void, metadata_invalidated, (Datum, Oid relation), (0, relation))
{
    generation++;
    if (catalog_oids_invalidated(relation)) {
        bury_all();
        return;
    }
    if (table_cache == nullptr)
        return;

    auto *entry =
        static_cast<TableEntry *>(hash_search(table_cache, &relation, HASH_FIND, nullptr));

    if (entry != nullptr)
        bury(entry);
}

VX_CALLBACK(void, metadata_transaction_ended, (XactEvent event, void *), (event, nullptr))
{
    switch (event) {
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
    case XACT_EVENT_PREPARE:
        if (graveyard != nullptr)
            MemoryContextReset(graveyard); // deletes its children
        break;
    default:
        break;
    }
}

void
ensure_cache()
{
    if (table_cache != nullptr)
        return;
    if (cache_context == nullptr)
        cache_context =
            AllocSetContextCreate(TopMemoryContext, "vecmesh metadata", ALLOCSET_DEFAULT_SIZES);
    if (graveyard == nullptr)
        graveyard =
            AllocSetContextCreate(TopMemoryContext, "vecmesh stale metadata", ALLOCSET_SMALL_SIZES);

    HASHCTL control = {};

    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(TableEntry);
    control.hcxt = cache_context;
    table_cache =
        hash_create("vecmesh tables", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

// ------------------------------------------------------------------------------------------------
// Tables
// ------------------------------------------------------------------------------------------------

int
compare_shards(const void *a, const void *b)
{
    const int64 x = static_cast<const Shard *>(a)->min_hash;
    const int64 y = static_cast<const Shard *>(b)->min_hash;

    return x < y ? -1 : x > y;
}

int
compare_nodes(const void *a, const void *b)
{
    return static_cast<const ClusterNode *>(a)->group_id -
           static_cast<const ClusterNode *>(b)->group_id;
}

int32
load_shard_group(const CatalogOids *oids, Relation placement, int64 shard_id)
{
    ScanKeyData key;

    ScanKeyInit(&key, kPlacementShard, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(shard_id));

    SysScanDesc scan =
        systable_beginscan(placement, oids->placement_shard_idx, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);

    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                        errmsg("shard " INT64_FORMAT " has no placement", shard_id)));

    const int32 group = DatumGetInt32(attribute(tuple, kPlacementGroup, placement));

    systable_endscan(scan);
    return group;
}

void
load_shards(const CatalogOids *oids, CachedTable *table)
{
    Relation shard = table_open(oids->shard, AccessShareLock);
    Relation placement = table_open(oids->placement, AccessShareLock);
    int capacity = 16;
    ScanKeyData key;

    table->shards = static_cast<Shard *>(palloc(sizeof(Shard) * capacity));
    ScanKeyInit(&key, kShardRelation, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(table->relation));

    SysScanDesc scan = systable_beginscan(shard, oids->shard_relation_idx, true, nullptr, 1, &key);

    while (HeapTuple tuple = systable_getnext(scan)) {
        if (table->shard_count == capacity) {
            capacity *= 2;
            table->shards = static_cast<Shard *>(repalloc(table->shards, sizeof(Shard) * capacity));
        }
        Shard *next = &table->shards[table->shard_count++];

        next->shard_id = DatumGetInt64(attribute(tuple, kShardId, shard));
        next->min_hash = DatumGetInt64(attribute(tuple, kShardMin, shard));
        next->max_hash = DatumGetInt64(attribute(tuple, kShardMax, shard));
        next->group_id = load_shard_group(oids, placement, next->shard_id);
    }
    systable_endscan(scan);
    table_close(placement, AccessShareLock);
    table_close(shard, AccessShareLock);
    qsort(table->shards, table->shard_count, sizeof(Shard), compare_shards);
}

/// A gap or an overlap would lose rows silently: refuse such a table.
void
check_shards(const CachedTable *table)
{
    bool good = table->shard_count > 0 && table->shards[0].min_hash == PG_INT64_MIN &&
                table->shards[table->shard_count - 1].max_hash == PG_INT64_MAX;

    for (int i = 1; good && i < table->shard_count; i++)
        good = table->shards[i - 1].max_hash != PG_INT64_MAX &&
               table->shards[i - 1].max_hash + 1 == table->shards[i].min_hash;
    if (!good)
        ereport(ERROR,
                (errcode(ERRCODE_DATA_CORRUPTED),
                 errmsg("shards of distributed table \"%s\" do not cover the hash range",
                        get_rel_name(table->relation)),
                 errhint("The rows of this table in vecmesh.shard were changed by hand or lost.")));
}

void
collect_groups(CachedTable *table)
{
    table->groups = static_cast<int32 *>(palloc(sizeof(int32) * table->shard_count));
    for (int i = 0; i < table->shard_count; i++)
        table->groups[i] = table->shards[i].group_id;
    std::sort(table->groups, table->groups + table->shard_count);
    table->group_count = static_cast<int>(
        std::unique(table->groups, table->groups + table->shard_count) - table->groups);
}

void
load_hash_function(CachedTable *table, MemoryContext context)
{
    const Oid opclass = GetDefaultOpClass(table->column_type, HASH_AM_OID);
    const Oid family = OidIsValid(opclass) ? get_opclass_family(opclass) : InvalidOid;
    const Oid input = OidIsValid(opclass) ? get_opclass_input_type(opclass) : InvalidOid;

    if (OidIsValid(opclass)) {
        table->hash_function = get_opfamily_proc(family, input, input, HASHEXTENDED_PROC);
        table->equality_operator = get_opfamily_member(family, input, input, HTEqualStrategyNumber);
    }
    if (!OidIsValid(table->hash_function) || !OidIsValid(table->equality_operator))
        elog(ERROR, "no extended hash function for type %u", table->column_type);
    fmgr_info_cxt(table->hash_function, &table->hash, context);
}

/// Reads one table's metadata into CurrentMemoryContext; nullptr when it is not distributed.
CachedTable *
load_table(const CatalogOids *oids, Oid relation)
{
    Relation catalog = table_open(oids->distributed_table, AccessShareLock);
    CachedTable *table = nullptr;
    ScanKeyData key;

    ScanKeyInit(&key, kTableRelation, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));

    SysScanDesc scan =
        systable_beginscan(catalog, oids->distributed_table_pkey, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);

    if (HeapTupleIsValid(tuple)) {
        const char *column = NameStr(*DatumGetName(attribute(tuple, kTableColumn, catalog)));

        table = static_cast<CachedTable *>(palloc0(sizeof(CachedTable)));
        table->relation = relation;
        table->colocation_id = DatumGetInt32(attribute(tuple, kTableColocation, catalog));
        table->column = get_attnum(relation, column);
        if (table->column == InvalidAttrNumber)
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                            errmsg("distribution column \"%s\" of relation %u does not exist",
                                   column, relation)));
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (table == nullptr)
        return nullptr;

    int32 typmod;

    get_atttypetypmodcoll(relation, table->column, &table->column_type, &typmod,
                          &table->column_collation);
    load_hash_function(table, CurrentMemoryContext);
    load_shards(oids, table);
    check_shards(table);
    collect_groups(table);
    return table;
}

const TableEntry *
load_entry(const CatalogOids *oids, Oid relation)
{
    for (;;) {
        const uint64 before = generation;
        // Until it is in the cache the context hangs below the caller's: an error frees it.
        MemoryContext context =
            AllocSetContextCreate(CurrentMemoryContext, "vecmesh table", ALLOCSET_SMALL_SIZES);
        MemoryContext old = MemoryContextSwitchTo(context);
        CachedTable *table = load_table(oids, relation);

        MemoryContextSwitchTo(old);
        if (generation != before) {
            MemoryContextDelete(context);
            oids = find_catalog_oids();
            if (oids == nullptr)
                return nullptr;
            continue;
        }

        bool found;
        auto *entry =
            static_cast<TableEntry *>(hash_search(table_cache, &relation, HASH_ENTER, &found));

        entry->table = table;
        entry->context = nullptr;
        if (table != nullptr) {
            MemoryContextSetParent(context, cache_context);
            entry->context = context;
        } else {
            MemoryContextDelete(context);
        }
        return entry;
    }
}

// ------------------------------------------------------------------------------------------------
// Nodes
// ------------------------------------------------------------------------------------------------

void
load_primaries(const CatalogOids *oids, NodeCache *cache)
{
    Relation catalog = table_open(oids->node, AccessShareLock);
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
    int capacity = 16;

    cache->nodes = static_cast<ClusterNode *>(palloc(sizeof(ClusterNode) * capacity));
    while (HeapTuple tuple = systable_getnext(scan)) {
        char *role = TextDatumGetCString(attribute(tuple, kNodeRole, catalog));

        if (strcmp(role, "primary") != 0)
            continue;
        if (cache->count == capacity) {
            capacity *= 2;
            cache->nodes =
                static_cast<ClusterNode *>(repalloc(cache->nodes, sizeof(ClusterNode) * capacity));
        }
        ClusterNode *node = &cache->nodes[cache->count++];

        node->node_id = DatumGetInt32(attribute(tuple, kNodeId, catalog));
        node->group_id = DatumGetInt32(attribute(tuple, kNodeGroup, catalog));
        node->host = TextDatumGetCString(attribute(tuple, kNodeHost, catalog));
        node->port = DatumGetInt32(attribute(tuple, kNodePort, catalog));
        node->dbname = TextDatumGetCString(attribute(tuple, kNodeDatabase, catalog));
        node->is_active = DatumGetBool(attribute(tuple, kNodeActive, catalog));
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    qsort(cache->nodes, cache->count, sizeof(ClusterNode), compare_nodes);
}

void
load_cluster_id(const CatalogOids *oids, NodeCache *cache)
{
    Relation catalog = table_open(oids->cluster, AccessShareLock);
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
    HeapTuple tuple = systable_getnext(scan);

    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "catalog vecmesh.cluster is empty");
    cache->cluster_id = TextDatumGetCString(attribute(tuple, kClusterId, catalog));
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
}

const NodeCache *
get_node_cache()
{
    while (node_cache == nullptr) {
        const CatalogOids *oids = find_catalog_oids();

        if (oids == nullptr)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("extension \"vecmesh\" is not installed in this database")));
        ensure_cache();

        const uint64 before = generation;
        MemoryContext context =
            AllocSetContextCreate(CurrentMemoryContext, "vecmesh nodes", ALLOCSET_SMALL_SIZES);
        MemoryContext old = MemoryContextSwitchTo(context);
        auto *cache = static_cast<NodeCache *>(palloc0(sizeof(NodeCache)));

        cache->context = context;
        load_primaries(oids, cache);
        load_cluster_id(oids, cache);
        MemoryContextSwitchTo(old);
        if (generation != before) {
            MemoryContextDelete(context);
            continue;
        }
        MemoryContextSetParent(context, cache_context);
        node_cache = cache;
    }
    return node_cache;
}

} // namespace

const DistributedTable *
find_distributed_table(Oid relation)
{
    if (relation < FirstNormalObjectId) // made by initdb, or InvalidOid
        return nullptr;

    const CatalogOids *oids = find_catalog_oids();

    if (oids == nullptr)
        return nullptr;
    ensure_cache();

    const auto *entry =
        static_cast<const TableEntry *>(hash_search(table_cache, &relation, HASH_FIND, nullptr));

    if (entry == nullptr)
        entry = load_entry(oids, relation);
    return entry == nullptr ? nullptr : entry->table;
}

const DistributedTable *
get_distributed_table(Oid relation)
{
    const DistributedTable *table = find_distributed_table(relation);

    if (table == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table \"%s\" is not distributed", get_rel_name(relation)),
                        errhint("Distribute it with vecmesh.create_distributed_table().")));
    return table;
}

int
find_shard_index(const DistributedTable *table, Datum value)
{
    auto *cached = const_cast<CachedTable *>(static_cast<const CachedTable *>(table));
    const int64 hash = DatumGetInt64(FunctionCall2Coll(&cached->hash, table->column_collation,
                                                       value, UInt64GetDatum(kHashSeed)));
    int low = 0;
    int high = table->shard_count - 1;

    while (low < high) {
        const int middle = (low + high + 1) / 2;

        if (table->shards[middle].min_hash <= hash)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

const ClusterNode *
get_group_primary(int32 group_id)
{
    const NodeCache *cache = get_node_cache();

    for (int i = 0; i < cache->count; i++)
        if (cache->nodes[i].group_id == group_id)
            return &cache->nodes[i];
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("node group %d has no primary", group_id),
             errhint("See vecmesh.nodes.")));
}

int
get_worker_groups(int32 **group_ids)
{
    const NodeCache *cache = get_node_cache();
    int count = 0;

    *group_ids = static_cast<int32 *>(palloc(sizeof(int32) * std::max(cache->count, 1)));
    for (int i = 0; i < cache->count; i++)
        if (cache->nodes[i].is_active)
            (*group_ids)[count++] = cache->nodes[i].group_id;
    return count;
}

const char *
get_cluster_id()
{
    return get_node_cache()->cluster_id;
}

void
register_metadata_callbacks()
{
    CacheRegisterRelcacheCallback(metadata_invalidated, static_cast<Datum>(0));
    RegisterXactCallback(metadata_transaction_ended, nullptr);
}

} // namespace vecmesh
