// SPDX-License-Identifier: PostgreSQL
//
// Loading a library that starts threads.
#pragma once

#include "pg/guard.hpp"

namespace pg
{

/// The address of `symbol` in the module `path` ("$libdir/..."), loading it with all signals
/// blocked: threads that its initialisation starts inherit the mask, so that no signal meant for
/// PostgreSQL is ever handled on one of them. Raises by throwing pg::Error, with the mask restored.
void *load_symbol_without_signals(const char *path, const char *symbol);

} // namespace pg
