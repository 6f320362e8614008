// SPDX-License-Identifier: PostgreSQL
//
// The index that a function of this folder looks at.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "utils/rel.h"
}

namespace vx::check
{

enum class Method { ivfflat, ivfrabitq };

/// Whether the access method is one of ours, and which.
bool find_method(Oid access_method, Method *method);

struct Target {
    Relation index;
    Relation heap;
    Method method;
    Oid user;
    int security_context;
    int settings;
};

/// Opens index and table with AccessShareLock and becomes the table's owner: expressions of the
/// index are evaluated, with no right that their author does not have. Raises for what is no index
/// of ours, is not valid, or cannot be read. False, with a notice: it has no content, since it is
/// unlogged and the server is a standby.
bool open_target(Oid index, Target *target);

/// Keeps the locks until the end of the transaction.
void close_target(const Target &target);

} // namespace vx::check
