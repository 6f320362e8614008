// SPDX-License-Identifier: PostgreSQL
//
// A shard's name, and that of its indexes, is the coordinator's plus "_" and the shard's id,
// clipped where it would be too long: so candidates are made from the coordinator's names and
// compared.
#include "pg/postgres.hpp"

#include "remote/shard_names.hpp"

#include "catalog/metadata.hpp"

extern "C" {
#include "access/table.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

#include <cctype>
#include <cstdlib>

namespace vecmesh
{

namespace
{

/// The shard whose id the name ends in; nullptr when there is none.
const Shard *
find_named_shard(const DistributedTable *table, const char *name)
{
    const char *underscore = strrchr(name, '_');
    if (underscore == nullptr || !isdigit(static_cast<unsigned char>(underscore[1])))
        return nullptr;
    char *end = nullptr;
    const int64 shard_id = strtoll(underscore + 1, &end, 10);
    for (int i = 0; *end == '\0' && i < table->shard_count; i++) {
        if (table->shards[i].shard_id == shard_id)
            return &table->shards[i];
    }
    return nullptr;
}

bool
names_shard_object(const char *base, const Shard *shard, const char *name)
{
    return base != nullptr && strcmp(shard_object_name(base, shard->shard_id), name) == 0;
}

char *
find_coordinator_name(const DistributedTable *table, const char *name)
{
    const Shard *shard = find_named_shard(table, name);
    if (shard == nullptr)
        return nullptr;
    char *found = get_rel_name(table->relation);
    if (names_shard_object(found, shard, name))
        return found;
    found = nullptr;
    Relation relation = table_open(table->relation, NoLock); // the statement has a lock
    ListCell *cell;
    foreach (cell, RelationGetIndexList(relation)) {
        char *index = get_rel_name(lfirst_oid(cell));
        if (names_shard_object(index, shard, name)) {
            found = index;
            break;
        }
    }
    table_close(relation, NoLock);
    return found;
}

} // namespace

char *
coordinator_name(Oid relation, char *name)
{
    const DistributedTable *table =
        OidIsValid(relation) && name != nullptr ? find_distributed_table(relation) : nullptr;
    if (table == nullptr)
        return name;
    char *found = find_coordinator_name(table, name);
    return found != nullptr ? found : name;
}

char *
with_coordinator_names(Oid relation, char *message)
{
    if (!OidIsValid(relation) || message == nullptr)
        return message;
    StringInfoData text;
    initStringInfo(&text);
    const char *rest = message;
    for (;;) {
        const char *open = strchr(rest, '"');
        const char *close = open != nullptr ? strchr(open + 1, '"') : nullptr;
        if (close == nullptr)
            break;
        char *name = pnstrdup(open + 1, close - open - 1);
        char *found = coordinator_name(relation, name);
        appendBinaryStringInfo(&text, rest, static_cast<int>(open - rest) + 1);
        appendStringInfoString(&text, found);
        rest = close; // of what was no name, the end may be the start of the next one
        if (found != name) {
            appendStringInfoChar(&text, '"');
            rest++;
        }
    }
    appendStringInfoString(&text, rest);
    return text.data;
}

} // namespace vecmesh
