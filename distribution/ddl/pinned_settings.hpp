// SPDX-License-Identifier: PostgreSQL
//
// Settings that hold for a few calls, as SET LOCAL in a function would; an error restores them with
// the (sub)transaction. Plain-frame code (B3).
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

namespace vecmesh
{

/// search_path = pg_catalog, pg_temp: the deparser qualifies all names, and nobody's operator gets
/// in.
int pin_search_path();

/// client_min_messages = warning: the local half of a command on a distributed table works on an
/// empty table, and what it has to say about that would mislead.
int pin_quiet();

/// pin_quiet() for a command that commits in between, which would end a nested setting: holds until
/// end_quiet_command(), or until the portal of the command is gone, be it by an error.
void begin_quiet_command();
void end_quiet_command();

/// Ends what the pin_ function that returned `level` began.
void unpin_settings(int level);

} // namespace vecmesh
