// SPDX-License-Identifier: PostgreSQL
//
// One command for every shard of a table, on all workers at once. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include "remote/connection.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace vecmesh
{

struct ShardCommand {
    int32 group_id;
    const char *sql;
};

/// Runs List of ShardCommand: the groups in parallel, each group's commands in order.
void run_shard_commands(List *commands, Access access, Oid table);

/// The same outside the transaction, over connections of their own: for commands that refuse to run
/// in a transaction block.
void run_shard_commands_detached(List *commands);

List *append_shard_command(List *commands, int32 group_id, const char *sql);

} // namespace vecmesh
