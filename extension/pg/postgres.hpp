// SPDX-License-Identifier: PostgreSQL
//
// The first include of every source file that talks to PostgreSQL (rule B15): postgres.h redefines
// names of the C library, so the standard headers must come after it. No other header of this
// project includes postgres.h.
#pragma once

// PostgreSQL 15 leaves PGDLLEXPORT empty, which together with -fvisibility=hidden would export
// nothing; 16 defines it this way itself (rule B16).
#ifndef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

extern "C" {
#include "postgres.h"

#include "fmgr.h"
}

#include "pg/compat.hpp" // so that every file sees the same declarations on every version

#ifdef VECTOR_CHECKED_PAGES
#include "pg/checked_page.hpp"
#endif
