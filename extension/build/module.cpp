// SPDX-License-Identifier: PostgreSQL
//
// vector_build.so: the module magic, so that PostgreSQL's loader accepts it.
#include "pg/postgres.hpp"

extern "C" {
PG_MODULE_MAGIC;
}
